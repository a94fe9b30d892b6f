// Takes its time to come and to go. It logs every run of its init function, so
// that a tool which loads a module twice is found out.
#include <linux/delay.h>
#include <linux/module.h>
#include "t_base.h"

static unsigned int init_ms;
module_param(init_ms, uint, 0444);
MODULE_PARM_DESC(init_ms, "how long the init function takes");

static unsigned int exit_ms;
module_param(exit_ms, uint, 0644);
MODULE_PARM_DESC(exit_ms, "how long the exit function takes");

static int err;
module_param(err, int, 0444);
MODULE_PARM_DESC(err, "the errno the init function ends with");

int t_slow_value(void)
{
	return 3;
}
EXPORT_SYMBOL(t_slow_value);

static int __init t_slow_init(void)
{
	pr_info("t_slow: init begins\n");
	msleep(init_ms);
	pr_info("t_slow: init ends\n");
	return -err;
}

static void __exit t_slow_exit(void)
{
	pr_info("t_slow: exit begins\n");
	msleep(exit_ms);
	pr_info("t_slow: exit ends\n");
}

module_init(t_slow_init);
module_exit(t_slow_exit);
MODULE_DESCRIPTION("modutils test: slow to initialize and to leave");
MODULE_LICENSE("GPL");
