// Uses t_swap, and has a parameter whose value cannot be read.
#include <linux/module.h>
#include "t_swap.h"

static int secret;
module_param(secret, int, 0200);
MODULE_PARM_DESC(secret, "a number that is for writing only");

static int __init t_swap_secret_init(void)
{
	return t_swap_level() < 0 ? -EIO : 0;
}

static void __exit t_swap_secret_exit(void)
{
}

module_init(t_swap_secret_init);
module_exit(t_swap_secret_exit);
MODULE_DESCRIPTION("modutils test: user of t_swap with a parameter for writing only");
MODULE_LICENSE("GPL");
