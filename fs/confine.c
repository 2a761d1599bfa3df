/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fuse.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spill.h"

#if defined ATFFS_SECCOMP && __SIZEOF_POINTER__ == 8 /* other machines have other calls */
#define WITH_FILTER
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#endif

#if defined ATFFS_UNCONFINED
const char confine_means[] = "nothing";
#elif defined WITH_FILTER
const char confine_means[] = "Landlock, libseccomp";
#else
const char confine_means[] = "Landlock";
#endif

/* A dump would take the text of the trace along to wherever it is sent. The limit keeps files from
 * being written, the filter leaves no memory to what is piped to a collector. PR_SET_DUMPABLE would
 * do both, but shut owners out of their own daemon's /proc folder, and their debugger, too. */
static void forbid_core_dumps(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    FILE *filter = fopen("/proc/self/coredump_filter", "we");
    if (!filter)
        return;
    fputs("0\n", filter);
    fclose(filter);
}

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* from version 3 on */
#endif

static void allow_writing(int rules, const char *path)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE,
                                              .parent_fd = fd};
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
}

/* Files can be read, and nothing made, changed, removed or run. A system-call filter can't see to
 * that: openat2's flags lie in memory. */
static void forbid_writing(void)
{
    struct landlock_ruleset_attr forbidden = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                             LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                             LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                             LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                             LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                             LANDLOCK_ACCESS_FS_MAKE_SYM};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version >= 3)
        forbidden.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &forbidden, sizeof forbidden, 0);
    if (rules < 0)
        return;
    allow_writing(rules, atf_spill_folder()); /* files without a name */
    allow_writing(rules, "/dev/fuse");        /* which -o clone_fd opens for each thread */
    syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
}

/* Root may mount traces of others, whose files are opened when they are asked for. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, sets) != 0)
        return;
    uint32_t kept = sets[0].permitted & CAP_TO_MASK(CAP_DAC_READ_SEARCH);
    sets[0] = (struct __user_cap_data_struct){.permitted = kept, .effective = kept};
    sets[1] = (struct __user_cap_data_struct){.permitted = 0};
    syscall(SYS_capset, &header, sets);
}

#ifdef WITH_FILTER
/* For what this program, libfuse and the libcs in use call, not on one machine only. */
static const int allowed_calls[] = {
    /* files */
    SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(readv),
    SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
    SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(getdents64), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(fallocate),
    SCMP_SYS(fadvise64),
    /* requests and answers */
    SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(splice), SCMP_SYS(vmsplice), SCMP_SYS(pipe2),
    SCMP_SYS(fcntl), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(dup2), SCMP_SYS(dup3),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    /* threads and signals */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(membarrier),
    SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall), SCMP_SYS(wait4), SCMP_SYS(exit), SCMP_SYS(exit_group),
    /* time and chance */
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(getrandom),
    /* the machine */
    SCMP_SYS(geteuid), SCMP_SYS(uname), SCMP_SYS(sysinfo)};

/* Allows a call where the masked bits of an argument have a value. */
static void allow_where(scmp_filter_ctx filter, int call, unsigned argument, uint32_t mask,
                        uint64_t value)
{
    struct scmp_arg_cmp wanted = {
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
    seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &wanted);
}

/*
 * All else fails as on a kernel that doesn't know the call. So a libc that is newer than this list
 * goes on with an older call, as glibc does with clone for clone3, whose flags can't be looked at;
 * a mount isn't killed for a call that nobody thought of; and who takes the daemon over has no
 * network, no other process and no program.
 */
static void forbid_system_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!filter)
        return;
    /* No stranger's code runs here, for which older kernels would slow down all memory access. */
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    for (size_t i = 0; i < sizeof allowed_calls / sizeof *allowed_calls; i++)
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
    allow_where(filter, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
    allow_where(filter, SCMP_SYS(tgkill), 0, UINT32_MAX, (uint64_t)getpid());
    allow_where(filter, SCMP_SYS(prlimit64), 0, UINT32_MAX, 0);
    allow_where(filter, SCMP_SYS(prctl), 0, UINT32_MAX, PR_SET_NAME);
    allow_where(filter, SCMP_SYS(ioctl), 1, UINT32_MAX, FUSE_DEV_IOC_CLONE);
    seccomp_load(filter);
    seccomp_release(filter);
}
#else
static void forbid_system_calls(void) {}
#endif

void confine(void)
{
#ifdef ATFFS_UNCONFINED /* as a program that counts its coverage: it writes files when it ends */
    return;
#endif
    forbid_core_dumps();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* without this the rest needs root */
    forbid_writing();
    drop_capabilities();
    forbid_system_calls();
}
