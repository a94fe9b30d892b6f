/*
 * The init of a system that has nothing but the three tools: loads the modules that it is given,
 * lists them, removes them again, and turns the machine off.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void run(const char *tool, const char *argument)
{
	int status;

	if (fork() == 0) {
		execl(tool, tool, argument, NULL);
		_exit(127);
	}
	wait(&status);
	if (status)
		printf("%s %s: status %d\n", tool, argument ? argument : "", WEXITSTATUS(status));
}

int main(int count, char **modules)
{
	int i;

	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	mount("proc", "/proc", "proc", 0, "");
	/* The port that boot.sh connects to its output. */
	dup2(open("/dev/ttyS1", O_RDWR), 1);
	dup2(1, 2);
	setvbuf(stdout, NULL, _IONBF, 0);
	/* The kernel hands what follows `--` on its command line to init. */
	for (i = 1; i < count; i++)
		run("/sbin/insmod", modules[i]);
	run("/sbin/lsmod", NULL);
	while (--i)
		run("/sbin/rmmod", modules[i]);
	run("/sbin/lsmod", NULL);
	tcdrain(1);
	reboot(RB_POWER_OFF);
	return 0;
}
