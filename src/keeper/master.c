#include "keeper/master.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "master.key"
#define FILE_NEW "master.key.new"

static Outcome fault_of(Arena *arena, const char *what, Text dir) {
        Text why = text_print(arena, "%.*s/" FILE_NAME ": %s", TEXT_ARG(dir), what);
        return outcome_fault(why.at ? why.at : what);
}

static Outcome open_dir(Arena *arena, Text state_dir, int *out) {
        Text path = text_copy(arena, state_dir);
        struct stat st;
        ENSURE(path.len && strlen(path.at) == path.len, outcome_fault("no state directory given"));
        int dir = open(path.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fault_of(arena, "the state directory cannot be opened", state_dir);
        if (fstat(dir, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
                close(dir);
                return fault_of(arena, "its directory must belong to this user and be writable by nobody else", state_dir);
        }
        *out = dir;
        return outcome_good();
}

/* What is wrong with an open key file; NULL: nothing. */
static const char *file_wrong(int fd) {
        struct stat st;
        if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
                return "is not a regular file";
        if (st.st_uid != geteuid())
                return "belongs to another user";
        if ((st.st_mode & 07777) != 0600 && (st.st_mode & 07777) != 0400)
                return "must have mode 0600";
        if (st.st_nlink != 1)
                return "has a second name (hard link)";
        return st.st_size == MASTER_SIZE ? NULL : "must hold exactly 32 bytes; restore it from its copy";
}

static Outcome read_file(Arena *arena, Text dir_name, int fd, Secret **out) {
        uint8_t bytes[MASTER_SIZE];
        const char *wrong = file_wrong(fd);
        if (!wrong && read(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
                wrong = "cannot be read";
        if (!wrong && sodium_is_zero(bytes, sizeof bytes))
                wrong = "holds only zeros; restore it from its copy"; /* a file lost in a crash */
        *out = wrong ? NULL : secret_new(bytes, sizeof bytes);
        sodium_memzero(bytes, sizeof bytes);
        if (wrong)
                return fault_of(arena, wrong, dir_name);
        ENSURE(*out, outcome_fault("memory"));
        return outcome_good();
}

static bool write_new(int dir, Secret *key) {
        unlinkat(dir, FILE_NEW, 0); /* of a start that was cut short: it was never named master.key, so nothing is sealed by it */
        int fd = openat(dir, FILE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return false;
        Text bytes = secret_open(key);
        bool ok = fchmod(fd, 0600) == 0 && write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len && fsync(fd) == 0;
        secret_shut(key);
        ok = close(fd) == 0 && ok;
        /* Never replaces: of two first starts at once one fails. */
        ok = ok && renameat2(dir, FILE_NEW, dir, FILE_NAME, RENAME_NOREPLACE) == 0;
        return ok && fsync(dir) == 0;
}

static Outcome master_make(Arena *arena, Text dir_name, int dir, Secret **out) {
        Secret *key = secret_random(MASTER_SIZE);
        ENSURE(key, outcome_fault("memory"));
        if (!write_new(dir, key)) {
                secret_free(key);
                return fault_of(arena, "cannot be written", dir_name);
        }
        *out = key;
        return outcome_good();
}

static Outcome find_or_make(Arena *arena, Text name, int dir, bool expect_existing, Secret **out) {
        int fd = openat(dir, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0) {
                Outcome o = read_file(arena, name, fd, out);
                close(fd);
                return o;
        }
        if (errno != ENOENT)
                return fault_of(arena, "cannot be opened", name);
        if (expect_existing)
                return fault_of(arena, "is missing, but the ledger holds keys sealed by it; restore it from its copy", name);
        return master_make(arena, name, dir, out);
}

Outcome master_open(Arena *arena, Text state_dir, bool expect_existing, Secret **out) {
        int dir = -1;
        TRY(open_dir(arena, state_dir, &dir));
        Outcome o = find_or_make(arena, state_dir, dir, expect_existing, out);
        close(dir);
        return o;
}
