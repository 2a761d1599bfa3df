/* SPDX-License-Identifier: MIT */
/* Whether trace files have become shorter while they are mapped. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "index.h"
#include "session.h"

struct some {
    const atf_session *session;
    size_t first, count; /* threads */
};

static int touch_some(void *arg)
{
    const struct some *some = arg;
    for (size_t i = 0; i < some->count; i++) {
        const atf_thread *thread = some->session->threads[some->first + i];
        if (thread->index)
            atf_file_settle(atf_index_file(thread->index));
        if (thread->detail)
            atf_file_settle(atf_detail_file(thread->detail));
    }
    return ATF_OK;
}

/* The file's size, where it still has its name. */
static bool size_by_name(const atf_session *session, const atf_thread *thread,
                         enum atf_file_kind kind, uint64_t *size)
{
    const atf_file_info *info = atf_thread_file(thread, kind);
    char relative[64];
    struct stat st;
    snprintf(relative, sizeof relative, "%s/%s", thread->name,
             kind == ATF_FILE_INDEX ? "index.atf" : "detail.atf");
    if (fstatat(session->folder, relative, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        st.st_dev != info->device || st.st_ino != info->inode)
        return false;
    *size = (uint64_t)st.st_size;
    return true;
}

/* The bytes of a file that are still there. The pages tell that but for the last one's part, which
 * only the name can tell: without it, nothing of that page counts. */
static uint64_t remaining(const atf_session *session, const atf_thread *thread,
                          enum atf_file_kind kind, atf_file *file)
{
    uint64_t end;
    uint64_t whole = atf_file_find_end(file, &end);
    uint64_t size;
    bool named = size_by_name(session, thread, kind, &size);
    return named && size >= whole && size <= end ? size : whole;
}

static void look_at_all(atf_session *session)
{
    for (size_t i = 0; i < session->count; i++) {
        atf_thread *thread = session->threads[i];
        atf_file *index = thread->index ? &thread->index->file : NULL;
        atf_file *detail = thread->detail ? atf_detail_file(thread->detail) : NULL;
        if (index && !atf_file_is_whole(index))
            session->shortened +=
                atf_index_shorten(thread->index, remaining(session, thread, ATF_FILE_INDEX, index));
        if (detail && !atf_file_is_whole(detail))
            session->shortened += atf_detail_shorten(
                thread->detail, remaining(session, thread, ATF_FILE_DETAIL, detail));
    }
}

uint64_t atf_session_refresh(atf_session *session)
{
    return atf_session_refresh_some(session, 0, session->count);
}

uint64_t atf_session_refresh_some(atf_session *session, size_t first, size_t count)
{
    struct some some = {.session = session, .first = first, .count = count};
    if (atf_guard(touch_some, &some, NULL) != ATF_OK) {
        pthread_mutex_lock(&session->refresh_lock);
        look_at_all(session);
        pthread_mutex_unlock(&session->refresh_lock);
    }
    return atomic_load(&session->shortened);
}
