// Its init function fails with a given errno.
#include <linux/module.h>

static int err = ENODEV;
module_param(err, int, 0444);
MODULE_PARM_DESC(err, "the errno to fail with; 0 succeeds");

static int __init t_fail_init(void)
{
	if (err)
		pr_err("t_fail: refusing with %d\n", err);
	return -err;
}

static void __exit t_fail_exit(void)
{
}

module_init(t_fail_init);
module_exit(t_fail_exit);
MODULE_DESCRIPTION("modutils test: fails to initialize");
MODULE_LICENSE("GPL");
