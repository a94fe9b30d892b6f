/*
 * Lets User-Mode Linux run on processors with large registers.
 *
 * It sets the floating-point registers of its processes by PTRACE_SETREGSET, with a buffer of a
 * size that was enough for any processor of its day (HOST_FP_SIZE in
 * arch/x86/um/user-offsets.c, until Linux 6.13). The host wants all of them or nothing, so that
 * where it has more, as with AMX, the first process dies. Loaded before the C library, this
 * adds those that User-Mode Linux does not know, as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

long ptrace(enum __ptrace_request request, ...)
{
	static long (*real)(enum __ptrace_request, ...);
	static char registers[1 << 16];
	struct iovec all = { registers, sizeof(registers) };
	va_list rest;
	pid_t pid;
	void *address;
	void *data;

	va_start(rest, request);
	pid = va_arg(rest, pid_t);
	address = va_arg(rest, void *);
	data = va_arg(rest, void *);
	va_end(rest);
	if (!real)
		real = dlsym(RTLD_NEXT, "ptrace");

	if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE) {
		const struct iovec *known = data;

		if (!real(PTRACE_GETREGSET, pid, address, &all) && all.iov_len > known->iov_len) {
			memcpy(registers, known->iov_base, known->iov_len);
			data = &all;
		}
	}
	return real(request, pid, address, data);
}
