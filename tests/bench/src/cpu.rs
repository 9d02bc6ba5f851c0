//! CPU time of processes, from /proc.

use std::{fs, path::Path};

/// Processes whose command line has a text, by the name they go under.
pub fn processes(name: &str, argument: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let folder = Path::new("/proc").join(pid.to_string());
        let comm = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        let line = fs::read_to_string(folder.join("cmdline")).unwrap_or_default();
        comm.trim() == name && line.contains(argument)
    })
    .collect()
}

/// Seconds of CPU that processes have used so far: `utime` and `stime` of proc(5), in ticks of 10 ms.
pub fn seconds(pids: &[u32]) -> f64 {
    let of = |pid: &u32| -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some((user + system) / 100.0)
    };
    pids.iter().filter_map(of).sum()
}
