// Has an init function and no exit function: once loaded it is permanent.
#include <linux/module.h>

static int __init t_noexit_init(void)
{
	return 0;
}

module_init(t_noexit_init);
MODULE_DESCRIPTION("modutils test: cannot be removed");
MODULE_LICENSE("GPL");
