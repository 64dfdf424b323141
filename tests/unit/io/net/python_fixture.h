/* python_fixture.h: a peer written in Python, run from build/venv. */
#ifndef ATS_TESTS_PYTHON_FIXTURE_H
#define ATS_TESTS_PYTHON_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct python {
    pid_t pid;
    FILE *says;
    int hears; /* it ends when this is closed */
} python;

/* Skips the test where there is no build/venv. */
static python run_python(const char *name, const char *verb, const char *one, const char *two)
{
    char program[512], script[512];
    const char *root = getenv("ATS_SOURCE_DIR");
    snprintf(program, sizeof program, "%s/build/venv/bin/python3", root ? root : ".");
    snprintf(script, sizeof script, "%s/tests/unit/io/net/%s", root ? root : ".", name);
    if (access(program, X_OK) != 0)
        cr_skip_test("no build/venv here");
    int out[2], in[2];
    cr_assert_eq(pipe2(out, O_CLOEXEC) | pipe2(in, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
        execl(program, program, script, verb, one, two, NULL);
        _exit(127);
    }
    close(out[1]);
    close(in[0]);
    return (python){pid, fdopen(out[0], "r"), in[1]};
}

/* Its exit status, as waitpid tells it. */
static int end_python(python *p)
{
    int status;
    close(p->hears);
    waitpid(p->pid, &status, 0);
    fclose(p->says);
    return status;
}

static uint16_t python_port(python *p)
{
    unsigned port = 0;
    cr_assert_eq(fscanf(p->says, "%u", &port), 1);
    return (uint16_t)port;
}

#endif
