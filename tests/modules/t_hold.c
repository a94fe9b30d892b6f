// Holds a reference to itself: for hold_ms milliseconds after the load and after
// each write to that parameter, or on and off without end with flap_us.
//
// A module must not drop its last own reference and then run on: it could be
// freed under the running code. Here every path that does so is one that the
// exit function waits for.
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/workqueue.h>

static u64 released_ns;

static void release(struct work_struct *work)
{
	WRITE_ONCE(released_ns, ktime_get_ns());
	module_put(THIS_MODULE);
}

static DECLARE_DELAYED_WORK(release_work, release);

static int hold(unsigned int ms)
{
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	/* Already held: only the time of the release moves. */
	if (mod_delayed_work(system_wq, &release_work, msecs_to_jiffies(ms)))
		module_put(THIS_MODULE);
	return 0;
}

static unsigned int hold_ms;
static bool initialized;

static int hold_ms_set(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_uint(val, kp);

	/* During a load the parameters are set before the init function runs. */
	if (ret || !READ_ONCE(initialized))
		return ret;
	return hold(hold_ms);
}

static const struct kernel_param_ops hold_ms_ops = {
	.set = hold_ms_set,
	.get = param_get_uint,
};
module_param_cb(hold_ms, &hold_ms_ops, &hold_ms, 0644);
__MODULE_PARM_TYPE(hold_ms, "uint");
MODULE_PARM_DESC(hold_ms, "hold a reference for so long, from now on");

static unsigned int flap_us;
module_param(flap_us, uint, 0444);
MODULE_PARM_DESC(flap_us, "hold a reference for so long, let it go for as long, and so on");

static struct task_struct *flapper;

static int flap(void *unused)
{
	while (!kthread_should_stop()) {
		bool held = try_module_get(THIS_MODULE);

		usleep_range(flap_us, flap_us + 10);
		if (held) {
			WRITE_ONCE(released_ns, ktime_get_ns());
			module_put(THIS_MODULE);
		}
		usleep_range(flap_us, flap_us + 10);
	}
	return 0;
}

static int __init t_hold_init(void)
{
	if (flap_us) {
		flapper = kthread_run(flap, NULL, "t_hold");
		if (IS_ERR(flapper))
			return PTR_ERR(flapper);
	}
	WRITE_ONCE(initialized, true);
	return hold_ms ? hold(hold_ms) : 0;
}

static void __exit t_hold_exit(void)
{
	u64 now = ktime_get_ns();

	if (flapper)
		kthread_stop(flapper);
	flush_delayed_work(&release_work);
	pr_info("t_hold: released at %llu ns, exit at %llu ns\n",
		READ_ONCE(released_ns), now);
}

module_init(t_hold_init);
module_exit(t_hold_exit);
MODULE_DESCRIPTION("modutils test: in use for a chosen time");
MODULE_LICENSE("GPL");
