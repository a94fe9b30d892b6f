// Exports two symbols, one of them for GPL modules only.
// It has neither init nor exit, as libraries in the kernel often do.
#include <linux/module.h>
#include "t_base.h"

int t_base_add(int a, int b)
{
	return a + b;
}
EXPORT_SYMBOL(t_base_add);

int t_base_double(int a)
{
	return 2 * a;
}
EXPORT_SYMBOL_GPL(t_base_double);

MODULE_DESCRIPTION("modutils test: symbols for other modules");
MODULE_LICENSE("GPL");
