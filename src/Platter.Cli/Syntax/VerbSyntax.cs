namespace Platter.Cli.Syntax;

/// <summary>An example for the help: a command line, and what it does.</summary>
internal readonly record struct Example(string Command, string Meaning);

/// <summary>How a verb is called.</summary>
internal sealed record VerbSyntax
{
    /// <summary>One line, for the list of verbs.</summary>
    public required string Summary { get; init; }

    public Argument[] Arguments { get => field ?? []; init; }
    public Option[] Options { get => field ?? []; init; }
    public Example[] Examples { get => field ?? []; init; }

    /// <summary>Further lines for the verb's own help.</summary>
    public string Remarks { get; init; } = "";

    /// <summary>Words that look like options and are none: <c>-h</c> of <c>attrib</c>.</summary>
    public Func<string, bool>? IsArgument { get; init; }
}

/// <summary>The options that every verb takes.</summary>
internal static class GlobalOptions
{
    public static readonly Option Json = Option.Flag("--json", "one JSON document on standard output");
    public static readonly Option Quiet = Option.Flag("-q --quiet", "no messages but errors");
    public static readonly Option Verbose = Option.Flag("-v --verbose", "say more, such as what is done to each entry");
    public static readonly Option NoProgress = Option.Flag("--no-progress", "no progress bar");
    public static readonly Option Progress = Option.Choice("--progress", "how progress is shown: json is one line per step, on standard error", "auto", "json", "none");
    public static readonly Option Color = Option.Choice("--color", "colours; auto: when the output is a terminal and NO_COLOR is not set", "auto", "always", "never");
    public static readonly Option UtcOffset = Option.Of("--utc-offset", "+HH:MM", "what local times in the image (FAT) are ahead of UTC; +00:00 by default");
    public static readonly Option CodePage = Option.Choice("--codepage", "the code page of FAT's short names; 437 by default", "437", "850", "852", "866", "932");
    public static readonly Option Literal = Option.Flag("--literal", "take *, ? and [ in paths inside the image as they are");
    public static readonly Option Force = Option.Flag("--force", "pass a safety check: a disk in use, data that would be lost");
    public static readonly Option IgnoreHibernation = Option.Flag("--ignore-hibernation", "edit though a hibernated Windows has the NTFS volume open; its session is lost");
    public static readonly Option DiscardJournal = Option.Flag("--discard-journal", "edit though the filesystem's own journal cannot be replayed; what it holds is lost");
    public static readonly Option RawEncrypted = Option.Flag("--raw-encrypted", "read encrypted files (NTFS) as they lie on the volume; a copy keeps their keys");
    public static readonly Option EfsKey = Option.Of("--efs-key", "FILE.pfx", "decrypt encrypted files (NTFS) by the certificates in FILE.pfx", ValueKind.HostPath);
    public static readonly Option EfsPasswordFile = Option.Of("--efs-password-file", "FILE", "the password of FILE.pfx is the first line of FILE; else PLATTER_EFS_PASSWORD holds it, or it is asked for", ValueKind.HostPath);
    public static readonly Option SpecialFiles = Option.Choice("--special-files", "how NTFS holds FIFOs, sockets and devices that are made: as WSL does, or as Interix did; wsl by default", "wsl", "interix");
    public static readonly Option Symlinks = Option.Choice("--symlinks", "how NTFS holds symbolic links that are made; junction: directories with an absolute target; windows by default", "windows", "junction", "wsl", "interix");
    public static readonly Option WslMetadata = Option.Flag("--wsl-metadata", "keep permissions and owners on NTFS, as WSL does");
    public static readonly Option AsRaw = Option.Flag("--as-raw", "take the image as bare bytes, whatever container it looks like");
    public static readonly Option Help = Option.Flag("-h --help", "this help");
    public static readonly Option Version = Option.Flag("--version", "the version");

    public static readonly Option[] All =
        [Json, Quiet, Verbose, NoProgress, Progress, Color, UtcOffset, CodePage, Literal, Force, DiscardJournal, IgnoreHibernation, RawEncrypted, EfsKey, EfsPasswordFile,
         SpecialFiles, Symlinks, WslMetadata, AsRaw, Help, Version];
}
