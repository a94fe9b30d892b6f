// Its init or exit function sleeps, waits for a lock that is not released in time, or crashes.
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>

static char *init_does = "";
module_param(init_does, charp, 0444);
MODULE_PARM_DESC(init_does, "sleep, lock, crash, or nothing");

static char *exit_does = "";
module_param(exit_does, charp, 0444);
MODULE_PARM_DESC(exit_does, "sleep, lock, crash, or nothing");

static unsigned int seconds = 12;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long it sleeps, or the lock is held");

static DEFINE_MUTEX(lock);
static struct completion held;

static int hold_lock(void *unused)
{
	mutex_lock(&lock);
	complete(&held);
	ssleep(seconds);
	mutex_unlock(&lock);
	return 0;
}

/* Not inlined, and not left by a jump, so that it is a frame of its own on the stack. */
static noinline int does(const char *what)
{
	struct task_struct *task;

	if (!strcmp(what, "sleep")) {
		ssleep(seconds);
	} else if (!strcmp(what, "lock")) {
		init_completion(&held);
		task = kthread_run(hold_lock, NULL, "t_stuck");
		if (IS_ERR(task))
			return PTR_ERR(task);
		wait_for_completion(&held);
		mutex_lock(&lock);
		mutex_unlock(&lock);
	} else if (!strcmp(what, "crash")) {
		BUG();
	}
	return 0;
}

static int __init t_stuck_init(void)
{
	return does(init_does) < 0 ? -EIO : 0;
}

static void __exit t_stuck_exit(void)
{
	if (does(exit_does) < 0)
		pr_err("t_stuck: no thread\n");
}

module_init(t_stuck_init);
module_exit(t_stuck_exit);
MODULE_DESCRIPTION("modutils test: stuck in its init or exit function");
MODULE_LICENSE("GPL");
