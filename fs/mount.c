/* SPDX-License-Identifier: MIT */
/* The life of a mount: it is made, goes to the background, serves, and ends. */
#define FUSE_USE_VERSION 312
#include "mount.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

#include "background.h"
#include "confine.h"
#include "operations.h"
#include "readahead.h"
#include "unmounter.h"

/* A worker thread is started when all others are busy, and takes some 20 KiB while it waits. */
enum { LEAST_THREADS = 512, MOST_IDLE_THREADS = 8 };

struct mount {
    struct served served;
    struct unmounter unmounter;
    bool in_background;
    struct background background;
    atomic_bool began;    /* to answer the kernel's first request, */
    atomic_bool answered; /* and did */
};

/* Of a mount that is ended by force while a request comes in, libfuse would complain on stderr. */
static ssize_t receive(int device, void *buffer, size_t size, void *mount)
{
    (void)mount;
    ssize_t got = read(device, buffer, size);
    if (got < 0 && errno == ECONNABORTED)
        errno = ENODEV; /* unmounted */
    return got;
}

/* Tells the kernel, by the answer to its first request, that look-ups and listings in one folder
 * may come side by side: else one that takes a long pass would keep all others in its folder
 * waiting. libfuse before 3.16.2 can't say it. */
static void allow_parallel_look_ups(const struct iovec *parts, int count)
{
    struct fuse_init_out *answer = count == 2 ? parts[1].iov_base : NULL;
    if (answer && parts[1].iov_len >= FUSE_COMPAT_22_INIT_OUT_SIZE)
        answer->flags |= FUSE_PARALLEL_DIROPS;
}

static ssize_t reply(int device, struct iovec *parts, int count, void *data)
{
    struct mount *mount = data; /* whose first member is what is served */
    /* Once the first answer is written others may come before this goes on. */
    if (atomic_load_explicit(&mount->began, memory_order_relaxed) ||
        atomic_exchange(&mount->began, true))
        return writev(device, parts, count);
    const struct fuse_out_header *header = parts[0].iov_base;
    allow_parallel_look_ups(parts, count);
    ssize_t wrote = writev(device, parts, count);
    if (wrote < 0 || header->error != 0) {
        fuse_session_exit(mount->served.session); /* no other request would ever come */
        return wrote;
    }
    atomic_store(&mount->answered, true);
    if (mount->in_background && !background_ready(&mount->background))
        fuse_session_exit(mount->served.session); /* who asked for it ended it */
    return wrote;
}

static const struct fuse_custom_io device_io = {.read = receive, .writev = reply};

static int serve(const struct mount *mount, const struct fuse_cmdline_opts *command)
{
    if (fuse_session_custom_io(mount->served.session, &device_io,
                               fuse_session_fd(mount->served.session)) != 0)
        return -1;
    if (command->singlethread)
        return fuse_session_loop(mount->served.session);
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config)
        return -ENOMEM;
    fuse_loop_cfg_set_clone_fd(config, (unsigned)command->clone_fd);
    /* UINT_MAX is libfuse's own sign for "not given". */
    fuse_loop_cfg_set_idle_threads(config, command->max_idle_threads != UINT_MAX
                                               ? command->max_idle_threads
                                               : MOST_IDLE_THREADS);
    /* Threads that wait for a long pass must not keep others from answering, nor interrupts from
     * being heard. */
    fuse_loop_cfg_set_max_threads(
        config, command->max_threads > LEAST_THREADS ? command->max_threads : LEAST_THREADS);
    int status = fuse_session_loop_mt(mount->served.session, config);
    fuse_loop_cfg_destroy(config);
    return status;
}

/* Serves what is mounted, with no more privileges than that takes. */
static int serve_confined(struct mount *mount, const struct fuse_cmdline_opts *command)
{
    struct fuse_session *session = mount->served.session;
    bool background = mount->in_background;
    readahead_raise(command->mountpoint, READAHEAD);
    (void)!chdir("/"); /* or the folder it was started in couldn't be unmounted */
    if ((background && !background_enter(&mount->background, fuse_session_fd(session))) ||
        !unmounter_start(&mount->unmounter, session, command->mountpoint, background)) {
        fuse_session_unmount(session);
        return -1;
    }
    confine();
    int status = serve(mount, command);
    if (!background || mount->answered)
        return status >= 0 ? 0 : status;
    if (status >= 0) /* a signal, or none */
        fuse_log(FUSE_LOG_ERR, "atffs: %s: %s\n", command->mountpoint,
                 status > 0 ? "interrupted" : "unmounted before it was ready");
    return -1;
}

int mount_serve(struct fs *fs, const struct mount_options *options, struct fuse_args *args,
                const struct fuse_cmdline_opts *command)
{
    struct mount mount = {.in_background = !command->foreground};
    if (!served_init(&mount.served, fs, options))
        return -ENOMEM;
    int status = -1;
    struct fuse_session *session =
        fuse_session_new(args, &operations, operations_size, &mount.served);
    mount.served.session = session;
    if (session && fuse_set_signal_handlers(session) == 0) {
        if (fuse_session_mount(session, command->mountpoint) == 0)
            status = serve_confined(&mount, command);
        fuse_remove_signal_handlers(session);
    }
    if (session)
        fuse_session_destroy(session);
    if (mount.unmounter.process > 0)
        unmounter_finish(&mount.unmounter);
    served_free(&mount.served);
    return status;
}
