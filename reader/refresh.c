/* SPDX-License-Identifier: MIT */
/* Whether trace files have become shorter while they are mapped. */
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index.h"
#include "session.h"

void atf_session_watch(atf_session *session)
{
    session->notice = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    for (size_t i = 0; i < session->count && session->notice >= 0; i++) {
        char *folder = atf_path_join(session->path, session->threads[i]->name);
        if (!folder || inotify_add_watch(session->notice, folder, IN_MODIFY | IN_ONLYDIR) < 0) {
            close(session->notice);
            session->notice = -1;
        }
        free(folder);
    }
}

/* Takes all notices. Whether there were any, or may have been. */
static bool take_notices(int notice)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool any = notice < 0;
    ssize_t got;
    while (notice >= 0 &&
           ((got = read(notice, events, sizeof events)) > 0 || (got < 0 && errno == EINTR)))
        any = any || got > 0;
    return any;
}

/* The size of one of a thread's files, if it is the same file as at open and has become shorter. */
static bool became_shorter(const atf_session *session, const atf_thread *thread,
                           enum atf_file_kind kind, uint64_t *size)
{
    const atf_file_info *info = atf_thread_file(thread, kind);
    char relative[64];
    struct stat st;
    snprintf(relative, sizeof relative, "%s/%s", thread->name,
             kind == ATF_FILE_INDEX ? "index.atf" : "detail.atf");
    if (!info->present || fstatat(session->folder, relative, &st, 0) != 0 ||
        st.st_dev != info->device || st.st_ino != info->inode || (uint64_t)st.st_size >= info->size)
        return false;
    *size = (uint64_t)st.st_size;
    return true;
}

uint64_t atf_session_refresh(atf_session *session)
{
    pthread_mutex_lock(&session->refresh_lock);
    bool look = take_notices(session->notice);
    for (size_t i = 0; i < session->count && look; i++) {
        atf_thread *thread = session->threads[i];
        uint64_t size;
        if (thread->index && became_shorter(session, thread, ATF_FILE_INDEX, &size))
            session->shortened += atf_index_shorten(thread->index, size);
        if (thread->detail && became_shorter(session, thread, ATF_FILE_DETAIL, &size))
            session->shortened += atf_detail_shorten(thread->detail, size);
    }
    uint64_t shortened = session->shortened;
    pthread_mutex_unlock(&session->refresh_lock);
    return shortened;
}
