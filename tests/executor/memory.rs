//! The memory that a function under test sees.

use super::Buffer;
use super::fault::Fault;
use super::lanes::{LANES, Lanes};

/// Address bits below those that number a region: regions lie so far apart that no displacement leads from one into
/// another.
const REGION: u32 = 32;

/// The address of the code's first byte.
pub(super) const CODE: u64 = (1 << REGION) + 4096;
/// The address of the table of buffers.
pub(super) const TABLE: u64 = (2 << REGION) + 8;
/// The address of the stack's lowest byte.
const STACK: u64 = (3 << REGION) + 4096;
/// The number of the first buffer's region.
const FIRST_BUFFER: usize = 4;

const STACK_BYTES: usize = 16 * 1024;
/// The stack pointer at the function's entry: 8 bytes below a multiple of 16, at the return address.
pub(super) const STACK_POINTER: u64 = STACK + STACK_BYTES as u64 - 8;
/// Where the function returns to. No memory is there.
pub(super) const RETURN: u64 = 0x0000_7fff_dead_0000;

/// A piece of memory.
struct Region {
    start: u64,
    bytes: Vec<u8>,
    writable: bool,
}

/// All memory that exists: the code, the table, the stack and the buffers, far apart.
pub(super) struct Memory {
    /// By the number in the upper bits of their addresses.
    regions: Vec<Region>,
}

impl Memory {
    /// The memory at the entry of a function.
    pub(super) fn new(code: &[u8], buffers: &[Buffer], alignments: &[usize]) -> Memory {
        let starts: Vec<u64> = alignments
            .iter()
            .zip(FIRST_BUFFER..)
            .map(|(&alignment, number)| {
                assert!(
                    alignment.is_power_of_two() && alignment >= 4,
                    "an alignment for elements of 4 bytes"
                );
                ((number as u64) << REGION) + alignment as u64
            })
            .collect();
        let table = starts.iter().flat_map(|start| start.to_le_bytes()).collect();
        let mut stack = vec![0xff; STACK_BYTES];
        stack[STACK_BYTES - 8..].copy_from_slice(&RETURN.to_le_bytes());
        let mut regions = vec![
            Region { start: 0, bytes: Vec::new(), writable: false },
            Region { start: CODE, bytes: code.to_vec(), writable: false },
            Region { start: TABLE, bytes: table, writable: false },
            Region { start: STACK, bytes: stack, writable: true },
        ];
        regions.extend(buffers.iter().zip(starts).map(|(buffer, start)| {
            let bytes = buffer.content.iter().flat_map(|element| element.to_bits().to_le_bytes()).collect();
            Region { start, bytes, writable: buffer.writable }
        }));
        Memory { regions }
    }

    /// Copies what the writable buffers hold back to where they came from.
    pub(super) fn give_back(&self, buffers: &mut [Buffer]) {
        for (buffer, region) in buffers.iter_mut().zip(&self.regions[FIRST_BUFFER..]) {
            if buffer.writable {
                let elements = region.bytes.as_chunks().0.iter();
                buffer.content.clear();
                buffer.content.extend(elements.map(|&bytes| f32::from_bits(u32::from_le_bytes(bytes))));
            }
        }
    }

    fn bytes(&self, address: u64, length: usize) -> Result<&[u8], Fault> {
        self.regions
            .get((address >> REGION) as usize)
            .and_then(|region| {
                let offset = address.checked_sub(region.start)? as usize;
                region.bytes.get(offset..offset + length)
            })
            .ok_or(Fault::Outside { address, length })
    }

    fn bytes_mut(&mut self, address: u64, length: usize) -> Result<&mut [u8], Fault> {
        let outside = Fault::Outside { address, length };
        let region = self.regions.get_mut((address >> REGION) as usize).ok_or(outside)?;
        let offset = address.checked_sub(region.start).ok_or(outside)? as usize;
        let bytes = region.bytes.get_mut(offset..offset + length).ok_or(outside)?;
        if region.writable { Ok(bytes) } else { Err(Fault::ReadOnly { address }) }
    }

    /// The number at an address, of 8 bytes where `wide` and of 4 otherwise.
    pub(super) fn read(&self, address: u64, wide: bool) -> Result<u64, Fault> {
        let mut number = [0; 8];
        let length = if wide { 8 } else { 4 };
        number[..length].copy_from_slice(self.bytes(address, length)?);
        Ok(u64::from_le_bytes(number))
    }

    /// Writes the 8 or the lower 4 bytes of a number.
    pub(super) fn write(&mut self, address: u64, wide: bool, number: u64) -> Result<(), Fault> {
        let length = if wide { 8 } else { 4 };
        self.bytes_mut(address, length)?.copy_from_slice(&number.to_le_bytes()[..length]);
        Ok(())
    }

    /// The lanes at an address whose bits in `active` are set; the others are 0, and their memory need not exist.
    pub(super) fn read_lanes(&self, address: u64, lanes: usize, active: u16) -> Result<Lanes, Fault> {
        let mut read = [0; LANES];
        if active == full(lanes) {
            let bytes = self.bytes(address, 4 * lanes)?.as_chunks().0;
            for (lane, &bytes) in read.iter_mut().zip(bytes) {
                *lane = u32::from_le_bytes(bytes);
            }
        } else {
            for lane in (0..lanes).filter(|lane| active >> lane & 1 != 0) {
                read[lane] = self.read(address.wrapping_add(4 * lane as u64), false)? as u32;
            }
        }
        Ok(read)
    }

    /// Writes the lanes whose bits in `active` are set; the memory of the others need not exist.
    pub(super) fn write_lanes(
        &mut self,
        address: u64,
        lanes: usize,
        active: u16,
        values: &Lanes,
    ) -> Result<(), Fault> {
        if active == full(lanes) {
            let bytes = self.bytes_mut(address, 4 * lanes)?.as_chunks_mut().0;
            for (bytes, lane) in bytes.iter_mut().zip(values) {
                *bytes = lane.to_le_bytes();
            }
        } else {
            for lane in (0..lanes).filter(|lane| active >> lane & 1 != 0) {
                self.write(address.wrapping_add(4 * lane as u64), false, u64::from(values[lane]))?;
            }
        }
        Ok(())
    }
}

/// The bits of the first `lanes` lanes.
pub(super) fn full(lanes: usize) -> u16 {
    ((1_u32 << lanes) - 1) as u16
}

/// That an address is a multiple of a number of bytes.
pub(super) fn check_aligned(address: u64, alignment: usize) -> Result<(), Fault> {
    if address.is_multiple_of(alignment as u64) {
        Ok(())
    } else {
        Err(Fault::Unaligned { address, alignment })
    }
}
