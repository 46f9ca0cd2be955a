//! An allocator that counts, for the test programs that name this file: what this thread takes from the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heap {
    /// Held now; less than nothing if more was given back than taken.
    pub held: isize,
    /// The most that was held at once.
    pub peak: isize,
    /// Ever asked for.
    pub asked: isize,
}

thread_local! {
    static HEAP: Cell<Heap> = const { Cell::new(Heap { held: 0, peak: 0, asked: 0 }) };
}

/// What is taken and given back meanwhile.
pub fn during<T>(act: impl FnOnce() -> T) -> (T, Heap) {
    let before = HEAP.replace(Heap::default());
    let result = act();
    let meanwhile = HEAP.get();
    HEAP.set(Heap { held: before.held + meanwhile.held, ..before });
    (result, meanwhile)
}

fn count(bytes: isize) {
    let _ = HEAP.try_with(|cell| {
        let mut heap = cell.get();
        heap.held += bytes;
        heap.peak = heap.peak.max(heap.held);
        heap.asked += bytes.max(0);
        cell.set(heap);
    });
}

struct Counting;

// SAFETY: it is the system's allocator, and counts on the side.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
