//! What the system knows of a process.

/// The bytes of a process that are in memory.
pub fn resident(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}

/// Nanoseconds of processor time that a process of one thread has had so far.
pub fn processor_time(process: Option<u32>) -> Option<u64> {
    let statistics = std::fs::read_to_string(format!("/proc/{}/schedstat", process?)).ok()?;
    statistics.split_whitespace().next()?.parse().ok()
}
