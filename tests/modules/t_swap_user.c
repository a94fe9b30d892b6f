// Uses t_swap, has parameters that survive its replacement, and can take long to exit.
#include <linux/delay.h>
#include <linux/module.h>
#include "t_swap.h"

static int mode;
module_param(mode, int, 0644);
MODULE_PARM_DESC(mode, "a number");

static char *words;
module_param(words, charp, 0444);
MODULE_PARM_DESC(words, "a text");

static int exit_ms;
module_param(exit_ms, int, 0);
MODULE_PARM_DESC(exit_ms, "how long exit sleeps");

static int __init t_swap_user_init(void)
{
	return t_swap_level() < 0 ? -EIO : 0;
}

static void __exit t_swap_user_exit(void)
{
	msleep(exit_ms);
}

module_init(t_swap_user_init);
module_exit(t_swap_user_exit);
MODULE_DESCRIPTION("modutils test: user of t_swap");
MODULE_LICENSE("GPL");
