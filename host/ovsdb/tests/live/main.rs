//! The client against real servers, and against servers that misbehave.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod common;
#[cfg(test)]
mod conversion;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod hung;
#[cfg(test)]
mod standalone;
#[cfg(test)]
mod tls;
