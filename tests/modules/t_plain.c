// The simplest module that can be loaded and removed.
#include <linux/module.h>

static int __init t_plain_init(void)
{
	return 0;
}

static void __exit t_plain_exit(void)
{
}

module_init(t_plain_init);
module_exit(t_plain_exit);
MODULE_DESCRIPTION("modutils test: can be loaded and removed, nothing else");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
