#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

static atomic_int interrupted; /* the signal; lock-free, and so for handlers and for threads */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals };

static void remember(int signal_number)
{
    interrupted = signal_number;
}

/* A signal that is ignored when the program starts (nohup, a shell's background) stays ignored. */
static void listen_to(int signal_number)
{
    /* without SA_RESTART, so that waiting for a pipe ends too */
    struct sigaction action = {.sa_handler = remember, .sa_flags = (int)SA_RESETHAND}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(signal_number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(signal_number, &action, NULL);
}

/* ---- a file that became shorter: everything below must be safe in a signal handler ---- */

static const char *volatile unfinished;

void cli_interrupt_remove(const char *temporary)
{
    unfinished = temporary;
}

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

/* A line of /proc/self/maps: "7f00-7f80 r--p 00000000 fe:00 1234    /path". Whether it holds the
 * address. */
static bool line_holds(const char *line, uintptr_t address)
{
    uintptr_t bounds[2] = {0, 0};
    for (int i = 0; i < 2; i++, line += *line != '\0')
        for (; *line && *line != '-' && *line != ' '; line++)
            bounds[i] = bounds[i] << 4 | (uintptr_t)(*line <= '9' ? *line - '0' : *line - 'a' + 10);
    return address >= bounds[0] && address < bounds[1];
}

/* The path of the file that is mapped at an address, or NULL. */
static const char *mapped_file(uintptr_t address, char *line, size_t size)
{
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    char byte;
    while (maps >= 0 && read(maps, &byte, 1) == 1) {
        if (byte != '\n') {
            if (length + 1 < size)
                line[length++] = byte;
            continue;
        }
        line[length] = '\0';
        length = 0;
        if (line_holds(line, address))
            return strchr(line, '/');
    }
    return NULL;
}

static void give_up(int signal_number, siginfo_t *info, void *context)
{
    static atomic_flag begun = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&begun)) /* another thread met the same, and says so */
        for (;;)
            pause();
    char line[4096];
    const char *path = mapped_file((uintptr_t)info->si_addr, line, sizeof line);
    (void)signal_number;
    (void)context;
    say("diffedit: ");
    say(path ? path : "a mapped file");
    say(": became shorter, or could not be read, while it was in use\n");
    if (unfinished)
        unlink(unfinished);
    _exit(1);
}

void cli_interrupt_install(void)
{
    for (int i = 0; i < SIGNALS; i++)
        listen_to(signals[i]);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a sentence */
    struct sigaction last = {.sa_sigaction = give_up, .sa_flags = SA_SIGINFO};
    sigemptyset(&last.sa_mask);
    sigaction(SIGBUS, &last, NULL);
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

/* A signal between the look at `interrupted` and the wait would be slept through, so they are
 * blocked there: pselect() lets them in while it waits. */
bool cli_interrupt_wait(int descriptor)
{
    sigset_t ours, before;
    sigemptyset(&ours);
    for (int i = 0; i < SIGNALS; i++)
        sigaddset(&ours, signals[i]);
    sigprocmask(SIG_BLOCK, &ours, &before);
    int ready = 0;
    while (!interrupted && ready == 0) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(descriptor, &set);
        ready = pselect(descriptor + 1, &set, NULL, NULL, NULL, &before);
        if (ready < 0 && errno == EINTR)
            ready = 0;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return !interrupted;
}

int cli_interrupt_status(void)
{
    enum { HANGUP = 129, INTERRUPTED = 130 };
    return interrupted == SIGHUP ? HANGUP : INTERRUPTED;
}
