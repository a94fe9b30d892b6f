// Two character devices that hold the module while they are open: /dev/t_dev, a
// misc device, and /dev/t_cdev, which has a device number and a class of its own.
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/version.h>

/* An owner and nothing else: open succeeds, every read finds the end. */
static ssize_t nothing(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	return 0;
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.read = nothing,
};

static struct miscdevice misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "t_dev",
	.fops = &fops,
};

static dev_t number;
static struct cdev cdev;
static struct class *class;

static int __init add_cdev(void)
{
	struct device *device;
	int ret = alloc_chrdev_region(&number, 0, 1, "t_cdev");

	if (ret)
		return ret;
	cdev_init(&cdev, &fops);
	cdev.owner = THIS_MODULE;
	ret = cdev_add(&cdev, number, 1);
	if (ret)
		goto no_cdev;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	class = class_create("t_class");
#else
	class = class_create(THIS_MODULE, "t_class");
#endif
	ret = PTR_ERR_OR_ZERO(class);
	if (ret)
		goto no_class;
	device = device_create(class, NULL, number, NULL, "t_cdev");
	ret = PTR_ERR_OR_ZERO(device);
	if (ret)
		goto no_device;
	return 0;

no_device:
	class_destroy(class);
no_class:
	cdev_del(&cdev);
no_cdev:
	unregister_chrdev_region(number, 1);
	return ret;
}

static void remove_cdev(void)
{
	device_destroy(class, number);
	class_destroy(class);
	cdev_del(&cdev);
	unregister_chrdev_region(number, 1);
}

static int __init t_dev_init(void)
{
	int ret = add_cdev();

	if (ret)
		return ret;
	ret = misc_register(&misc);
	if (ret)
		remove_cdev();
	return ret;
}

static void __exit t_dev_exit(void)
{
	misc_deregister(&misc);
	remove_cdev();
}

module_init(t_dev_init);
module_exit(t_dev_exit);
MODULE_DESCRIPTION("modutils test: in use while its device is open");
MODULE_LICENSE("GPL");
