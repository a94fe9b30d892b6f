// Exports a symbol in a namespace of its own.
#include <linux/module.h>
#include <linux/version.h>
#include "t_base.h"

int t_ns_value(void)
{
	return 7;
}
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
EXPORT_SYMBOL_NS(t_ns_value, "T_SPACE");
#else
EXPORT_SYMBOL_NS(t_ns_value, T_SPACE);
#endif

MODULE_DESCRIPTION("modutils test: a symbol in a namespace");
MODULE_LICENSE("GPL");
