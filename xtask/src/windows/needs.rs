//! What a person reads when something is missing.

/// What the tests need, and how a person names it.
pub(super) const NEEDS: &str = "\
The Windows tests need two things besides the usual set-up:

the programs   OKIBI_WINDOWS_EXE names an okibi.exe; without it, it is built: on Windows for that machine, elsewhere
               for x86_64-pc-windows-gnu, which takes `rustup target add x86_64-pc-windows-gnu` and mingw-w64;
               the installer also has an okibi-tray.exe, which OKIBI_WINDOWS_TRAY_EXE names
a way to run   OKIBI_WINDOWS_RUN names a program that is called with DIR PROGRAM ARGS… and becomes the Windows program
               PROGRAM (so that killing it kills that): in the folder DIR, which the program sees as
               OKIBI_WINDOWS_DIR (Z:\\w where that is not set), with the variables that WINDOWS_ENV lists;
               without it, `wine` from the PATH, of version 10 or later; on Windows nothing";
