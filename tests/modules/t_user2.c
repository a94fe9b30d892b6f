// Uses one symbol of t_base.
#include <linux/module.h>
#include "t_base.h"

static int __init t_user2_init(void)
{
	return t_base_add(2, 3) == 5 ? 0 : -EIO;
}

static void __exit t_user2_exit(void)
{
}

module_init(t_user2_init);
module_exit(t_user2_exit);
MODULE_DESCRIPTION("modutils test: second user of t_base");
MODULE_LICENSE("GPL");
