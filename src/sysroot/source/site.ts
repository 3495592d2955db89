/**
 * What configure scripts need not find out by compiling: every C library of Linux that CPython is built on has it (glibc from 2.31
 * on, musl 1.2), on every architecture. Only what is there; that something is missing is found out each time. A name here that one of
 * them lacks ends the build that uses it, in the compiler or the linker; one that is not here is looked for.
 *
 * Not here: functions that need a library of their own beside the C library before glibc 2.34 (dlopen, pthread_*, sem_*, those of mathematics).
 */
const PRESENT = {
  func: `
  accept accept4 alarm bind bind_textdomain_codeset chmod chown chroot clock confstr connect copy_file_range
  ctermid dup dup2 dup3 endpwent epoll_create epoll_create1 eventfd execv explicit_bzero faccessat fchdir fchmod
  fchmodat fchown fchownat fdatasync fdopendir fexecve flock fork fpathconf fseeko fstatat fstatvfs fsync ftello
  ftime ftruncate futimens futimes futimesat gai_strerror getaddrinfo getegid getentropy geteuid getgid getgrent
  getgrgid getgrgid_r getgrnam_r getgrouplist getgroups gethostbyaddr gethostbyname gethostbyname_r gethostname
  getitimer getline getloadavg getlogin getlogin_r getnameinfo getopt_long getpagesize getpeername getpgid
  getpgrp getpid getppid getpriority getprotobyname getpwent getpwnam_r getpwuid getpwuid_r getrandom getresgid
  getresuid getrusage getservbyname getservbyport getsockname getspent getspnam getuid gmtime_r grantpt
  hstrerror if_nameindex inet_aton inet_ntoa inet_pton initgroups isascii kill killpg lchown link linkat listen
  localtime_r lockf lstat lutimes madvise mbrtowc memchr memfd_create memrchr memset mkdirat mkfifo mkfifoat
  mknod mknodat mktime mremap nanosleep nice openat opendir pathconf pause pipe pipe2 poll posix_fadvise
  posix_fallocate posix_openpt posix_spawn posix_spawnp pread preadv preadv2 prlimit process_vm_readv ptsname
  ptsname_r pwrite pwritev pwritev2 readlink readlinkat readv realpath recvfrom regcomp renameat
  sched_get_priority_max sched_rr_get_interval sched_setaffinity sched_setparam sched_setscheduler secure_getenv
  sendfile sendto setegid seteuid setgid setgroups sethostname setitimer setlocale setns setpgid setpgrp
  setpriority setregid setresgid setresuid setreuid setsid setsockopt setuid setvbuf shutdown sigaction
  sigaltstack sigfillset siginterrupt sigpending sigrelse sigtimedwait sigwait sigwaitinfo snprintf socket
  socketpair splice statvfs strcasecmp strchr strchrnul strcspn strdup strerror strrchr strsignal strstr strtol
  symlink symlinkat sync sysconf system tcgetpgrp tcsetpgrp tempnam timegm timerfd_create times tmpfile tmpnam
  truncate ttyname_r umask uname unlinkat unlockpt unshare usleep utime utimensat utimes vasprintf vfork wait
  wait3 wait4 waitid waitpid wcscoll wcsdup wcsftime wcsxfrm wcwidth wmemcmp writev`,
  header: `
  alloca_h asm_types_h dlfcn_h endian_h errno_h fcntl_h getopt_h grp_h inttypes_h langinfo_h libintl_h limits_h
  linux_auxvec_h linux_can_bcm_h linux_can_h linux_can_j1939_h linux_can_raw_h linux_fs_h linux_limits_h
  linux_memfd_h linux_netlink_h linux_qrtr_h linux_random_h linux_soundcard_h linux_tipc_h linux_vm_sockets_h
  linux_wait_h malloc_h memory_h net_ethernet_h net_if_h netdb_h netinet_in_h netpacket_packet_h poll_h
  pthread_h pty_h sched_h setjmp_h shadow_h signal_h spawn_h stdatomic_h stdbool_h stdint_h stdio_h stdlib_h
  string_h strings_h sys_auxv_h sys_epoll_h sys_eventfd_h sys_file_h sys_ioctl_h sys_mman_h sys_param_h
  sys_poll_h sys_random_h sys_resource_h sys_select_h sys_sendfile_h sys_socket_h sys_soundcard_h sys_stat_h
  sys_statvfs_h sys_syscall_h sys_sysmacros_h sys_time_h sys_timerfd_h sys_times_h sys_types_h sys_uio_h
  sys_un_h sys_utsname_h sys_wait_h sys_xattr_h sysexits_h syslog_h termios_h unistd_h utime_h utmp_h wchar_h`,
  member: `
  siginfo_t_si_band struct_passwd_pw_gecos struct_passwd_pw_passwd struct_stat_st_atim_tv_nsec
  struct_stat_st_blksize struct_stat_st_blocks struct_stat_st_rdev struct_tm_tm_zone`,
  have_decl: `
  CLOCK_MONOTONIC RTLD_GLOBAL RTLD_LAZY RTLD_LOCAL RTLD_NODELETE RTLD_NOLOAD RTLD_NOW dirfd
  program_invocation_name`,
  type: `
  _Bool clock_t int16_t int32_t int64_t int8_t intptr_t mode_t off_t pid_t size_t socklen_t ssize_t u_int32_t
  uid_t uint16_t uint32_t uint64_t uint8_t uintptr_t`,
} as const;

/** A site file of autoconf: read by each configure script that finds its name in `CONFIG_SITE` (autoconf's manual, "Site Defaults"). */
export const LINUX_SITE = Object.entries(PRESENT)
  .flatMap(([kind, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name) => `ac_cv_${kind}_${name}=yes\n`),
  )
  .join('');
