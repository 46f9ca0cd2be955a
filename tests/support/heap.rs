//! An allocator that counts, for the test programs that name this file: what this thread takes from the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heap {
    /// Held now; less than nothing if more was given back than taken.
    pub held: isize,
    /// The most that was held at once, the old and the new of what grows.
    pub peak: isize,
    /// The same where what grows does so in its place.
    pub peak_in_place: isize,
    /// Ever asked for, as far as it can be counted.
    pub asked: isize,
}

thread_local! {
    static HEAP: Cell<Heap> = const { Cell::new(Heap { held: 0, peak: 0, peak_in_place: 0, asked: 0 }) };
}

/// Bytes held now, since the innermost [`during`] began.
#[allow(dead_code)] // some programs measure only what happens meanwhile
pub fn held() -> isize {
    HEAP.get().held
}

/// What is taken and given back meanwhile.
#[allow(dead_code)]
pub fn during<T>(act: impl FnOnce() -> T) -> (T, Heap) {
    let before = HEAP.replace(Heap::default());
    let result = act();
    let meanwhile = HEAP.get();
    HEAP.set(Heap { held: before.held + meanwhile.held, ..before });
    (result, meanwhile)
}

fn count(taken: usize, given_back: usize) {
    let (taken, given_back) = (taken as isize, given_back as isize);
    let _ = HEAP.try_with(|cell| {
        let mut heap = cell.get();
        heap.peak = heap.peak.max(heap.held + taken);
        heap.held += taken - given_back;
        heap.peak_in_place = heap.peak_in_place.max(heap.held);
        heap.asked = heap.asked.saturating_add(taken);
        cell.set(heap);
    });
}

struct Counting;

// SAFETY: it is the system's allocator, and counts on the side.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
