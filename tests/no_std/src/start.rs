//! What a program needs that has neither std nor a C library.

#[path = "line.rs"]
mod line;
use line::line;

core::arch::global_asm!(".globl _start", "_start: xor ebp, ebp", "and rsp, -16", "call run", "ud2");

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Ends the process: 0 if `passed`.
pub fn exit(passed: bool) -> ! {
    unsafe {
        core::arch::asm!("syscall", in("rax") 60, in("rdi") u64::from(!passed), options(noreturn));
    }
}

/// A line with a number.
#[allow(dead_code)] // not for every program
pub fn print(what: &str, number: usize) {
    let line = line(what, number);
    unsafe {
        core::arch::asm!(
            "syscall", inout("rax") 1usize => _, in("rdi") 1, in("rsi") line.0.as_ptr(), in("rdx") line.1,
            out("rcx") _, out("r11") _,
        );
    }
}

// The four functions that compiled code may call without asking.

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    unsafe { core::arch::asm!("rep movsb", inout("rcx") len => _, inout("rdi") to => _, inout("rsi") from => _) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= len {
        return unsafe { memcpy(to, from, len) };
    }
    unsafe {
        core::arch::asm!(
            "std", "rep movsb", "cld",
            inout("rcx") len => _,
            inout("rdi") to.wrapping_add(len).wrapping_sub(1) => _,
            inout("rsi") from.wrapping_add(len).wrapping_sub(1) => _,
        );
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    unsafe { core::arch::asm!("rep stosb", inout("rcx") len => _, inout("rdi") to => _, in("al") byte as u8) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    unsafe { memcmp(a, b, len) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    for i in 0..len {
        let (a, b) = unsafe { (*a.add(i), *b.add(i)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}
