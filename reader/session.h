/* SPDX-License-Identifier: MIT */
#ifndef ATF_SESSION_H
#define ATF_SESSION_H

#include <dirent.h>

#include "manifest.h"
#include "thread.h"

struct atf_session {
    int folder; /* descriptor of the folder that holds the threads */
    char *path;
    atf_manifest manifest;
    atf_thread **threads;
    size_t count;
    atf_problems problems; /* of the session itself; its threads have their own */
    pthread_mutex_t refresh_lock;
    _Atomic uint64_t shortened; /* how often a file was found shorter */
};

/* As atf_session_refresh, but looks only at the files of some threads, or none. */
uint64_t atf_session_refresh_some(atf_session *session, size_t first, size_t count);

/*
 * Finds the session at path: descends into bundles and lone pid_* folders. Fills in folder, path,
 * manifest and the manifest's problems. Errors: SYSTEM, MEMORY, NOT_SESSION.
 */
int atf_session_locate(atf_session *session, const char *path, atf_error *err);

/* The number of a folder named thread_N in plain decimal; false for any other name. */
bool atf_thread_folder_number(const char *name, uint64_t *number);

/* Opens a folder below `folder`, never leading out of it: a descriptor, or -1 with errno. */
int atf_open_folder_below(int folder, const char *relative, int flags);
/* The same, to list it. NULL, with errno, when it can't be. */
DIR *atf_open_folder(int folder, const char *relative);
/* The next entry; NULL at the end, and where the rest can't be read, with *sys an errno. */
struct dirent *atf_next_entry(DIR *list, int *sys);

#endif
