// Exports a symbol that t_base exports, too.
#include <linux/module.h>
#include "t_base.h"

int t_bbse_add(int a, int b)
{
	return a - b;
}
/* Renamed by the test: modpost refuses to build two modules with the same export. */
EXPORT_SYMBOL(t_bbse_add);

MODULE_DESCRIPTION("modutils test: a symbol that is there already");
MODULE_LICENSE("GPL");
