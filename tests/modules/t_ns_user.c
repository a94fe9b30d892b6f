// Uses a symbol of a namespace. Tests take its import away.
#include <linux/module.h>
#include <linux/version.h>
#include "t_base.h"

static int __init t_ns_user_init(void)
{
	return t_ns_value() == 7 ? 0 : -EIO;
}

static void __exit t_ns_user_exit(void)
{
}

module_init(t_ns_user_init);
module_exit(t_ns_user_exit);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("T_SPACE");
#else
MODULE_IMPORT_NS(T_SPACE);
#endif
MODULE_DESCRIPTION("modutils test: uses a namespace");
MODULE_LICENSE("GPL");
