// Registers a class of the name it is given, which may be taken.
#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/version.h>

static char *name = "t_class";
module_param(name, charp, 0444);
MODULE_PARM_DESC(name, "the name of the class");

static struct class *class;

static int __init t_class_init(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	class = class_create(name);
#else
	class = class_create(THIS_MODULE, name);
#endif
	return PTR_ERR_OR_ZERO(class);
}

static void __exit t_class_exit(void)
{
	class_destroy(class);
}

module_init(t_class_init);
module_exit(t_class_exit);
MODULE_DESCRIPTION("modutils test: registers a class");
MODULE_LICENSE("GPL");
