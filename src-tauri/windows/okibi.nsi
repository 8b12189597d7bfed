; The installer for Windows, for one user and without administrator's rights. `xtask` runs it through makensis, which
; works on every system, with:
;   VERSION  the version
;   FILES    a script with the macros INSTALL_FILES and REMOVE_FILES, and the size in kB as SIZE
;   OUTPUT   the installer
;   FAST     where it is made for a test: little compressed
;   TARGET   the kind of the installer itself: that of NSIS on Windows is a 32-bit program
;
; The uninstaller removes what was installed, file by file: the user's logs and caches are in folders below $INSTDIR.

Unicode true
!ifndef TARGET
  ; As the programs it installs, so that a Wine without 32-bit parts runs it.
  !define TARGET amd64-unicode
!endif
Target ${TARGET}
ManifestDPIAware true
RequestExecutionLevel user
!ifdef FAST
  SetCompressor zlib
!else
  SetCompressor /SOLID lzma
!endif

!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh
!include "${FILES}"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Okibi"
!define AT_LOGIN "Software\Microsoft\Windows\CurrentVersion\Run"
!define AT_LOGIN_APPROVED "Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
; The runtime of the windows' pages, by the number its maker gives it.
!define WEBVIEW "Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}"
!define WEBVIEW_PAGE "https://developer.microsoft.com/microsoft-edge/webview2/"

Name "Okibi"
OutFile "${OUTPUT}"
InstallDir "$LOCALAPPDATA\Okibi"
InstallDirRegKey HKCU "${UNINSTALL}" "InstallLocation"
BrandingText "Okibi ${VERSION}"

!define MUI_ICON "..\icons\icon.ico"
!define MUI_UNICON "..\icons\icon.ico"
!define MUI_FINISHPAGE_RUN "$INSTDIR\okibi-tray.exe"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
; The system's language is taken where it is one of these, else the first.
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "Japanese"

LangString Comment ${LANG_ENGLISH} "Keeps a text-embedding model warm for local search"
LangString Comment ${LANG_JAPANESE} "ローカル検索用のテキスト埋め込みモデルを常駐させます"
LangString NoWebView ${LANG_ENGLISH} "The tray app shows its windows with Microsoft Edge WebView2, which is missing here. The command line works without it.$\n$\nGet it from ${WEBVIEW_PAGE}"
LangString NoWebView ${LANG_JAPANESE} "トレイアプリのウィンドウには Microsoft Edge WebView2 が必要ですが、このパソコンにはありません。コマンドラインはそのまま使えます。$\n$\n入手先: ${WEBVIEW_PAGE}"
LangString NoPath ${LANG_ENGLISH} "The variable PATH cannot be changed: error $0. To use okibi in a terminal, add $INSTDIR to it."
LangString NoPath ${LANG_JAPANESE} "環境変数 PATH を変更できません (エラー $0)。ターミナルで okibi を使うには、$INSTDIR を追加してください。"

VIProductVersion "${VERSION}.0"
VIAddVersionKey /LANG=${LANG_ENGLISH} "ProductName" "Okibi"
VIAddVersionKey /LANG=${LANG_ENGLISH} "ProductVersion" "${VERSION}"
VIAddVersionKey /LANG=${LANG_ENGLISH} "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=${LANG_ENGLISH} "FileDescription" "Okibi"
VIAddVersionKey /LANG=${LANG_ENGLISH} "CompanyName" "The Okibi authors"
VIAddVersionKey /LANG=${LANG_ENGLISH} "LegalCopyright" "The Okibi authors"

; As the functions of the registry take it: a pointer.
!define USER_KEYS -2147483647
!define READ_AND_WRITE 0x2001F
!define REG_SZ 1
!define REG_EXPAND_SZ 2
!define ERROR_FILE_NOT_FOUND 2
!define ERROR_BAD_TYPE 13

; The user's PATH may be longer than a variable of this script, so it stays in memory that Windows gives.
!macro PATH_FUNCTIONS UN

; Reads the user's PATH. Gives the open key $R0, its type $R1, and in $R3 the address of the text, between semicolons, with
; room for one more folder. In $0 is an error, or 0; then ClosePath has to follow.
Function ${UN}OpenPath
  StrCpy $R3 0
  System::Call 'advapi32::RegCreateKeyExW(p ${USER_KEYS}, w "Environment", i 0, p 0, i 0, i ${READ_AND_WRITE}, p 0, *p .R0, p 0) i .r0'
  ${If} $0 <> 0
    StrCpy $R0 0
    Return
  ${EndIf}
  System::Call 'advapi32::RegQueryValueExW(p R0, w "Path", p 0, *i .R1, p 0, *i .R2) i .r0'
  ${If} $0 = ${ERROR_FILE_NOT_FOUND}
    StrCpy $0 0
    StrCpy $R1 ${REG_EXPAND_SZ}
    StrCpy $R2 0
  ${EndIf}
  ${If} $0 = 0
  ${AndIf} $R1 <> ${REG_SZ}
  ${AndIf} $R1 <> ${REG_EXPAND_SZ}
    StrCpy $0 ${ERROR_BAD_TYPE}
  ${EndIf}
  ${If} $0 <> 0
    Return
  ${EndIf}
  ; More than a folder's name has, in bytes. The memory is full of zeros, which end the text.
  IntOp $1 $R2 + 8192
  System::Alloc $1
  Pop $R3
  System::Call 'kernel32::lstrcpyW(p R3, w ";")'
  ${If} $R2 > 0
    IntPtrOp $2 $R3 + 2
    System::Call 'advapi32::RegQueryValueExW(p R0, w "Path", p 0, p 0, p r2, *i $R2 r1) i .r0'
    ${If} $0 <> 0
      Return
    ${EndIf}
  ${EndIf}
  Call ${UN}LastLetter
  System::Call 'kernel32::lstrcmpW(p r2, w ";") i .r1'
  ${If} $1 <> 0
    System::Call 'kernel32::lstrcatW(p R3, w ";")'
  ${EndIf}
FunctionEnd

; Gives in $2 the address of the text's last letter.
Function ${UN}LastLetter
  System::Call 'kernel32::lstrlenW(p R3) i .r1'
  IntOp $1 $1 - 1
  IntOp $1 $1 * 2
  IntPtrOp $2 $R3 + $1
FunctionEnd

; Gives in $3 where the folder of the programs is in the text, or 0.
Function ${UN}FindFolder
  System::Call 'shlwapi::StrStrIW(p R3, w ";$INSTDIR;") p .r3'
FunctionEnd

; Writes the text from its second letter on, and has the programs that run learn of it. In $0 is an error, or 0.
Function ${UN}WritePath
  IntPtrOp $2 $R3 + 2
  System::Call 'kernel32::lstrlenW(p r2) i .r1'
  IntOp $1 $1 + 1
  IntOp $1 $1 * 2
  System::Call 'advapi32::RegSetValueExW(p R0, w "Path", i 0, i R1, p r2, i r1) i .r0'
  SendMessage ${HWND_BROADCAST} ${WM_WININICHANGE} 0 "STR:Environment" /TIMEOUT=5000
FunctionEnd

Function ${UN}ClosePath
  ${If} $R3 <> 0
    System::Free $R3
  ${EndIf}
  ${If} $R0 <> 0
    System::Call 'advapi32::RegCloseKey(p R0)'
  ${EndIf}
FunctionEnd

; Ends the app and the daemon, whose files could not be replaced or removed otherwise.
Function ${UN}EndPrograms
  ${If} ${FileExists} "$INSTDIR\okibi-tray.exe"
    nsExec::Exec 'taskkill /F /IM okibi-tray.exe'
    Pop $0
  ${EndIf}
  ${If} ${FileExists} "$INSTDIR\okibi.exe"
    DetailPrint '"$INSTDIR\okibi.exe" stop'
    nsExec::ExecToLog '"$INSTDIR\okibi.exe" stop'
    Pop $0
  ${EndIf}
FunctionEnd

!macroend
!insertmacro PATH_FUNCTIONS ""
!insertmacro PATH_FUNCTIONS "un."

Function AddToPath
  Call OpenPath
  ${If} $0 = 0
    Call FindFolder
    ${If} $3 = 0
      System::Call 'kernel32::lstrcatW(p R3, w "$INSTDIR")'
      Call WritePath
    ${EndIf}
  ${EndIf}
  ${If} $0 <> 0
    DetailPrint "$(NoPath)"
  ${EndIf}
  Call ClosePath
FunctionEnd

Function un.RemoveFromPath
  Call un.OpenPath
  ${If} $0 = 0
    Call un.FindFolder
    ${If} $3 <> 0
      ${Do}
        ; What comes behind it, from its semicolon on, takes its place.
        StrLen $1 ";$INSTDIR"
        IntOp $1 $1 * 2
        IntPtrOp $2 $3 + $1
        System::Call 'kernel32::lstrlenW(p r2) i .r1'
        IntOp $1 $1 + 1
        IntOp $1 $1 * 2
        System::Call 'kernel32::RtlMoveMemory(p r3, p r2, p r1)'
        Call un.FindFolder
      ${LoopUntil} $3 = 0
      System::Call 'kernel32::lstrcmpW(p R3, w ";") i .r1'
      ${If} $1 = 0
        System::Call 'advapi32::RegDeleteValueW(p R0, w "Path")'
      ${Else}
        ; The semicolon at the end is ours.
        Call un.LastLetter
        System::Call '*$2(&i2 0)'
        Call un.WritePath
      ${EndIf}
    ${EndIf}
  ${EndIf}
  Call un.ClosePath
FunctionEnd

Section
  Call EndPrograms
  ; Of another version, what this one no longer has would be left.
  ${If} ${FileExists} "$INSTDIR\uninstall.exe"
    ExecWait '"$INSTDIR\uninstall.exe" /S /update _?=$INSTDIR' $0
  ${EndIf}

  !insertmacro INSTALL_FILES
  SetOutPath "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Okibi.lnk" "$INSTDIR\okibi-tray.exe" "" "" "" "" "" "$(Comment)"
  Call AddToPath

  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Okibi"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\okibi-tray.exe"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "The Okibi authors"
  WriteRegStr HKCU "${UNINSTALL}" "URLInfoAbout" "https://github.com/okibi/okibi"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" ${SIZE}
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1

  SetRegView 64
  ReadRegStr $0 HKLM "SOFTWARE\WOW6432Node\${WEBVIEW}" "pv"
  ReadRegStr $1 HKCU "SOFTWARE\${WEBVIEW}" "pv"
  SetRegView lastused
  ${If} "$0$1" == ""
    DetailPrint "$(NoWebView)"
    MessageBox MB_OK|MB_ICONINFORMATION "$(NoWebView)" /SD IDOK
  ${EndIf}
SectionEnd

Section "Uninstall"
  Call un.EndPrograms
  !insertmacro REMOVE_FILES
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/update" $1
  ${If} ${Errors}
    ; For good: also what the user has set, which another version would still want.
    Delete "$SMPROGRAMS\Okibi.lnk"
    DeleteRegKey HKCU "${UNINSTALL}"
    DeleteRegValue HKCU "${AT_LOGIN}" "Okibi"
    DeleteRegValue HKCU "${AT_LOGIN_APPROVED}" "Okibi"
    Call un.RemoveFromPath
  ${EndIf}
SectionEnd
