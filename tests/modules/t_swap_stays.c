// Uses t_swap, and has no exit function.
#include <linux/module.h>
#include "t_swap.h"

static int __init t_swap_stays_init(void)
{
	return t_swap_level() < 0 ? -EIO : 0;
}

module_init(t_swap_stays_init);
MODULE_DESCRIPTION("modutils test: user of t_swap that stays");
MODULE_LICENSE("GPL");
