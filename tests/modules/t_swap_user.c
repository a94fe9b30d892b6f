// Uses t_swap, and has parameters that survive its replacement.
#include <linux/module.h>
#include "t_swap.h"

static int mode;
module_param(mode, int, 0644);
MODULE_PARM_DESC(mode, "a number");

static char *words;
module_param(words, charp, 0444);
MODULE_PARM_DESC(words, "a text");

static int __init t_swap_user_init(void)
{
	return t_swap_level() < 0 ? -EIO : 0;
}

static void __exit t_swap_user_exit(void)
{
}

module_init(t_swap_user_init);
module_exit(t_swap_user_exit);
MODULE_DESCRIPTION("modutils test: user of t_swap");
MODULE_LICENSE("GPL");
