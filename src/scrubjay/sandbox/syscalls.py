"""System calls that no worker needs, by their numbers on each processor.

Sources: asm/unistd_64.h for x86-64 and asm-generic/unistd.h for 64-bit ARM, of Linux 6.12. From 424
on, the numbers are the same everywhere.
"""

from typing import NamedTuple

__all__ = ["NEWEST", "PLATFORMS", "Platform"]


class Platform(NamedTuple):
    """The kernel's name of one kind of processor, and its numbers of the filtered calls."""

    audit_arch: int
    denied: dict[str, int]
    """Calls that fail with `EPERM`."""
    network: dict[str, int]
    """Calls that also fail, unless the video is on a server."""
    filtered: dict[str, int]
    """Calls that are allowed depending on their arguments."""


NEWEST = 450
"""Calls with a higher number are unknown."""

_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
    "process_mrelease": 448,
}

# fmt: off
_X86_64 = {
    # other programs and processes
    "execve": 59, "execveat": 322, "fork": 57, "vfork": 58, "ptrace": 101, "kcmp": 312,
    "process_vm_readv": 310, "process_vm_writev": 311, "tkill": 200, "rt_sigqueueinfo": 129,
    "rt_tgsigqueueinfo": 297, "setsid": 112, "setpgid": 109, "setpriority": 141, "ioprio_set": 251,
    "migrate_pages": 256, "move_pages": 279, "personality": 135, "sched_setparam": 142,
    "sched_setscheduler": 144, "sched_setattr": 314,
    # other users and privileges
    "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setresuid": 117,
    "setresgid": 119, "setgroups": 116, "setfsuid": 122, "setfsgid": 123, "capset": 126,
    "setns": 308, "unshare": 272, "keyctl": 250, "add_key": 248, "request_key": 249,
    # memory shared with other processes
    "shmget": 29, "shmat": 30, "shmctl": 31, "msgget": 68, "msgsnd": 69, "msgrcv": 70,
    "msgctl": 71, "semget": 64, "semop": 65, "semtimedop": 220, "semctl": 66, "mq_open": 240,
    "mq_unlink": 241, "memfd_create": 319,
    # files: to make, change or remove any
    "creat": 85, "mkdir": 83, "mkdirat": 258, "rmdir": 84, "unlink": 87, "unlinkat": 263,
    "rename": 82, "renameat": 264, "renameat2": 316, "link": 86, "linkat": 265, "symlink": 88,
    "symlinkat": 266, "mknod": 133, "mknodat": 259, "chmod": 90, "fchmod": 91, "fchmodat": 268,
    "chown": 92, "lchown": 94, "fchown": 93, "fchownat": 260, "utime": 132, "utimes": 235,
    "futimesat": 261, "utimensat": 280, "truncate": 76, "setxattr": 188, "lsetxattr": 189,
    "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199,
    # file systems
    "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "open_by_handle_at": 304,
    "name_to_handle_at": 303, "swapon": 167, "swapoff": 168, "quotactl": 179, "acct": 163,
    "fanotify_init": 300, "fanotify_mark": 301,
    # the machine and the kernel's less trodden paths
    "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "init_module": 175,
    "finit_module": 313, "delete_module": 176, "kexec_load": 246, "kexec_file_load": 320,
    "reboot": 169, "syslog": 103, "iopl": 172, "ioperm": 173, "modify_ldt": 154,
    "settimeofday": 164, "clock_settime": 227, "clock_adjtime": 305, "adjtimex": 159,
    "sethostname": 170, "setdomainname": 171, "vhangup": 153, "lookup_dcookie": 212,
    # a socket that waits for somebody
    "socketpair": 53, "listen": 50, "accept": 43, "accept4": 288,
}
_AARCH64 = {
    "execve": 221, "execveat": 281, "ptrace": 117, "kcmp": 272, "process_vm_readv": 270,
    "process_vm_writev": 271, "tkill": 130, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240,
    "setsid": 157, "setpgid": 154, "setpriority": 140, "ioprio_set": 30, "migrate_pages": 238,
    "move_pages": 239, "personality": 92, "sched_setparam": 118, "sched_setscheduler": 119,
    "sched_setattr": 274,
    "setuid": 146, "setgid": 144, "setreuid": 145, "setregid": 143, "setresuid": 147,
    "setresgid": 149, "setgroups": 159, "setfsuid": 151, "setfsgid": 152, "capset": 91,
    "setns": 268, "unshare": 97, "keyctl": 219, "add_key": 217, "request_key": 218,
    "shmget": 194, "shmat": 196, "shmctl": 195, "msgget": 186, "msgsnd": 189, "msgrcv": 188,
    "msgctl": 187, "semget": 190, "semop": 193, "semtimedop": 192, "semctl": 191, "mq_open": 180,
    "mq_unlink": 181, "memfd_create": 279,
    "mkdirat": 34, "unlinkat": 35, "renameat": 38, "renameat2": 276, "linkat": 37,
    "symlinkat": 36, "mknodat": 33, "fchmod": 52, "fchmodat": 53, "fchown": 55, "fchownat": 54,
    "utimensat": 88, "truncate": 45, "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7,
    "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16,
    "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "open_by_handle_at": 265,
    "name_to_handle_at": 264, "swapon": 224, "swapoff": 225, "quotactl": 60, "acct": 89,
    "fanotify_init": 262, "fanotify_mark": 263,
    "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "init_module": 105,
    "finit_module": 273, "delete_module": 106, "kexec_load": 104, "kexec_file_load": 294,
    "reboot": 142, "syslog": 116, "settimeofday": 170, "clock_settime": 112, "clock_adjtime": 266,
    "adjtimex": 171, "sethostname": 161, "setdomainname": 162, "vhangup": 58,
    "lookup_dcookie": 18,
    "socketpair": 199, "listen": 201, "accept": 202, "accept4": 242,
}
# fmt: on

PLATFORMS = {
    "x86_64": Platform(
        audit_arch=0xC000003E,
        denied=_X86_64 | _EVERYWHERE,
        network={"connect": 42, "bind": 49},
        filtered={
            "open": 2,
            "openat": 257,
            "socket": 41,
            "clone": 56,
            "clone3": 435,
            "openat2": 437,
            "kill": 62,
            "tgkill": 234,
            "prlimit64": 302,
            "prctl": 157,
            "fcntl": 72,
            "ioctl": 16,
        },
    ),
    "aarch64": Platform(
        audit_arch=0xC00000B7,
        denied=_AARCH64 | _EVERYWHERE,
        network={"connect": 203, "bind": 200},
        filtered={
            "openat": 56,
            "socket": 198,
            "clone": 220,
            "clone3": 435,
            "openat2": 437,
            "kill": 129,
            "tgkill": 131,
            "prlimit64": 261,
            "prctl": 167,
            "fcntl": 25,
            "ioctl": 29,
        },
    ),
}
"""By the name that `os.uname().machine` gives them."""
