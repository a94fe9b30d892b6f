// A module that is replaced: with parameters of each permission, a symbol for t_swap_user, a
// device that holds it while it is open, and an init function that can fail.
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include "t_swap.h"

static int level = 1;
module_param(level, int, 0644);
MODULE_PARM_DESC(level, "a number");

static char *label;
module_param(label, charp, 0444);
MODULE_PARM_DESC(label, "a text");

static int key;
module_param(key, int, 0200);
MODULE_PARM_DESC(key, "a number that is for writing only");

static int err;
module_param(err, int, 0);
MODULE_PARM_DESC(err, "the errno that init fails with; 0 succeeds");

int t_swap_level(void)
{
	return level;
}
EXPORT_SYMBOL(t_swap_level);

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
	.name = "t_swap",
	.fops = &fops,
};

static int __init t_swap_init(void)
{
	if (err) {
		pr_err("t_swap: refusing with %d\n", err);
		return -err;
	}
	return misc_register(&misc);
}

static void __exit t_swap_exit(void)
{
	misc_deregister(&misc);
}

module_init(t_swap_init);
module_exit(t_swap_exit);
MODULE_DESCRIPTION("modutils test: replaced by another build");
MODULE_LICENSE("GPL");
