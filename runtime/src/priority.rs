//! How the system's scheduler treats a thread: as any other one, or as one that
//! runs when no other one wants to.

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    /// A thread of this process, for as long as it runs.
    #[derive(Debug, Clone, Copy)]
    pub struct ThreadPriority(libc::pid_t);

    impl ThreadPriority {
        /// That of the calling thread.
        pub fn of_this_thread() -> Self {
            // SAFETY: the call has no arguments and always succeeds.
            Self(unsafe { libc::syscall(libc::SYS_gettid) } as libc::pid_t)
        }

        /// Lets the thread run only when no other thread of the machine wants the
        /// processor, or as it usually does. It may lack the right to the latter.
        ///
        /// # Errors
        /// The system's.
        pub fn set_yields(self, yields: bool) -> io::Result<()> {
            let policy = if yields { libc::SCHED_IDLE } else { libc::SCHED_OTHER };
            // SAFETY: plain data; zero is a valid value of all of its fields.
            let mut parameter: libc::sched_param = unsafe { std::mem::zeroed() };
            parameter.sched_priority = 0;
            // SAFETY: the number names a thread, and `parameter` lives over the call.
            match unsafe { libc::sched_setscheduler(self.0, policy, &parameter) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        }

        /// Whether a thread that yields can be made one that does not.
        pub fn can_be_restored() -> bool {
            let probe = std::thread::Builder::new().name("probe".into()).spawn(|| {
                let own = Self::of_this_thread();
                own.set_yields(true).and_then(|()| own.set_yields(false)).is_ok()
            });
            probe.is_ok_and(|thread| thread.join().unwrap_or(false))
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    /// A thread of this process, for as long as it runs.
    #[derive(Debug, Clone, Copy)]
    pub struct ThreadPriority;

    impl ThreadPriority {
        /// That of the calling thread.
        pub fn of_this_thread() -> Self {
            Self
        }

        /// This system has no such thing.
        ///
        /// # Errors
        /// Always.
        pub fn set_yields(self, _yields: bool) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        /// Whether a thread that yields can be made one that does not.
        pub fn can_be_restored() -> bool {
            false
        }
    }
}

pub use system::ThreadPriority;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn policy() -> i32 {
        // SAFETY: 0 is the calling thread.
        unsafe { libc::sched_getscheduler(0) }
    }

    #[test]
    fn a_thread_is_told_by_another_one_to_yield() {
        let (told, tell) = std::sync::mpsc::channel();
        let (go, goes) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            told.send(ThreadPriority::of_this_thread()).expect("the test waits");
            goes.recv().expect("the test tells");
            policy()
        });
        let priority = tell.recv().expect("it tells");
        priority.set_yields(true).expect("that is allowed always");
        go.send(()).expect("it waits");
        assert_eq!(thread.join().expect("it ends"), libc::SCHED_IDLE);
        assert_eq!(policy(), libc::SCHED_OTHER, "others stay as they were");
    }
}
