/* SPDX-License-Identifier: MIT */
/* Where a session lies: in the folder itself, at the end of a bundle's path, or in a lone pid_*
 * folder. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "session.h"

enum { MOST_STEPS = 8 }; /* a bundle in a bundle...: more is a loop or a joke */

bool atf_thread_folder_number(const char *name, uint64_t *number)
{
    static const char prefix[] = "thread_";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return false;
    const char *digits = name + sizeof prefix - 1;
    if (!digits[0] || digits[strspn(digits, "0123456789")] || (digits[0] == '0' && digits[1]))
        return false;
    errno = 0;
    *number = strtoull(digits, NULL, 10);
    return errno == 0;
}

int atf_open_folder_below(int folder, const char *relative, int flags)
{
    struct open_how how = {.flags = (uint64_t)flags | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, folder, relative, &how, sizeof how);
}

DIR *atf_open_folder(int folder, const char *relative)
{
    int fd = atf_open_folder_below(folder, relative, O_RDONLY);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list && fd >= 0)
        close(fd);
    return list;
}

struct dirent *atf_next_entry(DIR *list, int *sys)
{
    errno = 0;
    struct dirent *entry = readdir(list);
    *sys = entry ? 0 : errno;
    return entry;
}

struct contents {
    size_t threads;
    size_t sessions;   /* pid_* folders */
    char session[256]; /* the first of them */
};

static int look_into(int folder, const char *path, struct contents *contents, atf_error *err)
{
    DIR *list = atf_open_folder(folder, ".");
    if (!list)
        return atf_fail(err, ATF_ERR_SYSTEM, errno, path, ATF_NO_OFFSET, "can't be listed");
    *contents = (struct contents){.threads = 0};
    uint64_t number;
    int sys;
    for (struct dirent *entry; (entry = atf_next_entry(list, &sys)) != NULL;) {
        contents->threads += atf_thread_folder_number(entry->d_name, &number);
        bool folder_like = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
        if (folder_like && strncmp(entry->d_name, "pid_", 4) == 0 && contents->sessions++ == 0)
            snprintf(contents->session, sizeof contents->session, "%s", entry->d_name);
    }
    closedir(list);
    return sys ? atf_fail(err, ATF_ERR_SYSTEM, sys, path, ATF_NO_OFFSET, "can't be listed")
               : ATF_OK;
}

/* Goes on from the folder that the session's path names to one below it. */
static int descend(atf_session *session, const char *relative, atf_error *err)
{
    char *path = atf_path_join(session->path, relative);
    if (!path)
        return atf_fail_memory(err);
    int below = atf_open_folder_below(session->folder, relative, O_RDONLY);
    if (below < 0) {
        int sys = errno;
        int status =
            sys == EXDEV
                ? atf_fail(err, ATF_ERR_NOT_SESSION, 0, session->path, ATF_NO_OFFSET,
                           "its manifest.json leads out of the bundle, to \"%s\": refused",
                           relative)
                : atf_fail(err, ATF_ERR_SYSTEM, sys, path, ATF_NO_OFFSET, "can't be opened");
        free(path);
        return status;
    }
    close(session->folder);
    free(session->path);
    session->folder = below;
    session->path = path;
    return ATF_OK;
}

static int no_session(const atf_session *session, const struct contents *contents, atf_error *err)
{
    const char *path = session->path;
    if (contents->sessions > 1)
        return atf_fail(err, ATF_ERR_NOT_SESSION, 0, path, ATF_NO_OFFSET,
                        "holds %zu sessions (%s...): name one of them", contents->sessions,
                        contents->session);
    if (session->problems.count > 0)
        return atf_fail(err, ATF_ERR_NOT_SESSION, 0, path, ATF_NO_OFFSET,
                        "no thread_N folder, and manifest.json: %s",
                        session->problems.list[0].text);
    if (session->manifest.file.present)
        return atf_fail(
            err, ATF_ERR_NOT_SESSION, 0, path, ATF_NO_OFFSET,
            "no thread_N folder, and a manifest.json without threads: not an ATF v2 session");
    return atf_fail(err, ATF_ERR_NOT_SESSION, 0, path, ATF_NO_OFFSET,
                    "no manifest.json and no thread_N folder: not an ATF v2 session");
}

/* One step: 1 when the session is found here, 0 to look again in the next folder, or a status. */
static int step(atf_session *session, atf_error *err)
{
    char *manifest_path = atf_path_join(session->path, "manifest.json");
    if (!manifest_path)
        return atf_fail_memory(err);
    atf_manifest_free(&session->manifest);
    atf_problems_free(&session->problems);
    int status = atf_manifest_load(&session->manifest, session->folder, manifest_path,
                                   &session->problems, err);
    free(manifest_path);
    struct contents contents = {.threads = 0};
    if (status == ATF_OK)
        status = look_into(session->folder, session->path, &contents, err);
    if (status != ATF_OK)
        return status;
    if (session->manifest.has_threads || contents.threads > 0)
        return 1;
    if (session->manifest.bundle_path)
        return descend(session, session->manifest.bundle_path, err);
    if (contents.sessions == 1)
        return descend(session, contents.session, err);
    return no_session(session, &contents, err);
}

int atf_session_locate(atf_session *session, const char *path, atf_error *err)
{
    session->path = strdup(path);
    if (!session->path)
        return atf_fail_memory(err);
    session->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (session->folder < 0)
        return errno == ENOTDIR
                   ? atf_fail(err, ATF_ERR_NOT_SESSION, ENOTDIR, path, ATF_NO_OFFSET,
                              "a session is a folder; this can't be one")
                   : atf_fail(err, ATF_ERR_SYSTEM, errno, path, ATF_NO_OFFSET, "can't be opened");
    int status = 0;
    for (int i = 0; i < MOST_STEPS && status == 0; i++)
        status = step(session, err);
    if (status == 0)
        return atf_fail(err, ATF_ERR_NOT_SESSION, 0, path, ATF_NO_OFFSET,
                        "more than %d bundles inside one another", MOST_STEPS);
    if (status < 0)
        return status;
    char *absolute = realpath(session->path, NULL);
    if (!absolute)
        return atf_fail(err, ATF_ERR_SYSTEM, errno, session->path, ATF_NO_OFFSET,
                        "can't be resolved");
    free(session->path);
    session->path = absolute;
    return ATF_OK;
}
