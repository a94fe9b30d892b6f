// Uses a symbol of t_slow, which may still be initializing.
#include <linux/module.h>
#include "t_base.h"

static int __init t_slow_user_init(void)
{
	return t_slow_value() == 3 ? 0 : -EIO;
}

static void __exit t_slow_user_exit(void)
{
}

module_init(t_slow_user_init);
module_exit(t_slow_user_exit);
MODULE_DESCRIPTION("modutils test: user of t_slow");
MODULE_LICENSE("GPL");
