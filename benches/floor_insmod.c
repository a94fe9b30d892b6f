/* The least that loading a module takes: open the file, ask the kernel.
 *
 * usage: floor_insmod FILE [FLAG [PARAMETERS]]
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int file = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	int flag = argc > 2 ? *argv[2] - '0' : 0;

	if (file < 0)
		return 1;
	return syscall(SYS_finit_module, file, argc > 3 ? argv[3] : "", flag) != 0;
}
