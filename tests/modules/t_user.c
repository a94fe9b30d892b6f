// Uses both symbols of t_base.
#include <linux/module.h>
#include "t_base.h"

static int __init t_user_init(void)
{
	return t_base_add(1, 1) == t_base_double(1) ? 0 : -EIO;
}

static void __exit t_user_exit(void)
{
}

module_init(t_user_init);
module_exit(t_user_exit);
MODULE_DESCRIPTION("modutils test: first user of t_base");
MODULE_LICENSE("GPL");
