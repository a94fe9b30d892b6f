// One parameter of every type the kernel has. Each is readable in sysfs except
// p_hidden, whose permission is 0; p_bare and p_list have no description.
#include <linux/module.h>

static unsigned char p_byte = 1;
module_param(p_byte, byte, 0444);
MODULE_PARM_DESC(p_byte, "an 8-bit number");

static short p_short = -2;
module_param(p_short, short, 0444);
MODULE_PARM_DESC(p_short, "a 16-bit number");

static unsigned short p_ushort = 2;
module_param(p_ushort, ushort, 0444);
MODULE_PARM_DESC(p_ushort, "an unsigned 16-bit number");

static int p_int = -3;
module_param(p_int, int, 0644);
MODULE_PARM_DESC(p_int, "a number, which may be changed later");

static unsigned int p_uint = 3;
module_param(p_uint, uint, 0444);
MODULE_PARM_DESC(p_uint, "an unsigned number");

static long p_long = -4;
module_param(p_long, long, 0444);
MODULE_PARM_DESC(p_long, "a long number");

static unsigned long p_ulong = 4;
module_param(p_ulong, ulong, 0444);
MODULE_PARM_DESC(p_ulong, "an unsigned long number");

static unsigned long long p_ullong = 5;
module_param(p_ullong, ullong, 0444);
MODULE_PARM_DESC(p_ullong, "an unsigned 64-bit number");

static unsigned int p_hexint = 0x10;
module_param(p_hexint, hexint, 0444);
MODULE_PARM_DESC(p_hexint, "a number shown in hexadecimal");

static bool p_bool;
module_param(p_bool, bool, 0444);
MODULE_PARM_DESC(p_bool, "a switch");

static bool p_invbool = true;
module_param(p_invbool, invbool, 0444);
MODULE_PARM_DESC(p_invbool, "a switch that is stored inverted");

static int p_bint;
module_param(p_bint, bint, 0444);
MODULE_PARM_DESC(p_bint, "a switch that is stored as a number");

static char *p_charp = "none";
module_param(p_charp, charp, 0444);
MODULE_PARM_DESC(p_charp, "a text of any length");

static char p_string[16] = "short";
module_param_string(p_string, p_string, sizeof(p_string), 0444);
MODULE_PARM_DESC(p_string, "a text of at most 15 bytes");

static int p_ints[4];
static int p_ints_count;
module_param_array(p_ints, int, &p_ints_count, 0444);
MODULE_PARM_DESC(p_ints, "up to four numbers");

static char *p_list[3];
static int p_list_count;
module_param_array(p_list, charp, &p_list_count, 0444);

static int p_bare;
module_param(p_bare, int, 0444);

static int p_hidden;
module_param(p_hidden, int, 0);
MODULE_PARM_DESC(p_hidden, "a number that sysfs does not show");

static int __init t_params_init(void)
{
	pr_info("t_params: p_hidden=%d\n", p_hidden);
	return 0;
}

static void __exit t_params_exit(void)
{
}

module_init(t_params_init);
module_exit(t_params_exit);
MODULE_DESCRIPTION("modutils test: a parameter of every type");
MODULE_LICENSE("GPL");
