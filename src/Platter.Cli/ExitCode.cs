using Platter.Blocks;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.Trees;
using Platter.Trees.Toml;

namespace Platter.Cli;

/// <summary>The exit codes, as <c>docs/exit-codes.md</c> lists them, and the one place that knows which exception is which.</summary>
internal static class ExitCode
{
    public const int Done = 0, Failure = 1, Usage = 2, NotFound = 3, Exists = 4, NoSpace = 5, Corrupt = 6, Unsupported = 7, Refused = 8,
        HostIo = 9, FindingsMade = 10, InUse = 11, Interrupted = 130;

    public static int Of(Exception e) => e switch
    {
        CommandException c => c.Code,
        OperationCanceledException => Interrupted,
        TomlException { InnerException: VolumeFullException } => NoSpace,
        UsageException or TomlException or FormatException => Usage,
        FileNotFoundException or DirectoryNotFoundException or DriveNotFoundException => NotFound,
        AlreadyExistsException or NameCollisionException or DirectoryNotEmptyException => Exists,
        VolumeFullException => NoSpace,
        DiskFormatException => Corrupt,
        InUseException => InUse,
        SafetyException or UnauthorizedAccessException => Refused,
        SourceFailureException { InnerException: { } reason } => Of(reason),
        InvalidNameException or NotSupportedException => Unsupported,
        ArgumentException => Usage,
        IOException io => HostErrors.IsHostFull(io) ? NoSpace : HostIo,
        _ => Failure,
    };

    /// <summary>What the line is about, where the error knows better than the image at hand.</summary>
    public static string? What(Exception e, string? subject) => e switch
    {
        CommandException { What: { } what } => what,
        UsageException => null,
        FileNotFoundException { FileName: { } name } when subject is null || Path.GetFullPath(ImageAddress.Parse(subject).Path) != name => name,
        _ => subject,
    };

    /// <summary>What to do about it, where there is something to say.</summary>
    /// <param name="e">The error.</param>
    /// <param name="image">The image that was opened, as it was typed; null for none.</param>
    /// <param name="what">What the line is about.</param>
    public static string? Hint(Exception e, string? image, string? what) => e switch
    {
        CommandException c => c.Hint,
        UsageException u => u.Hint,
        SafetyException => "--force does it all the same",
        InUseException when e.Message.EndsWith(" by this process", StringComparison.Ordinal) => "what is read and what is made have to be two files",
        DiskFormatException when image is not null => $"'platter check {image}' lists everything that is wrong",
        FileNotFoundException or DirectoryNotFoundException when what is not null && what.Contains('\uFFFD', StringComparison.Ordinal) => "a name that is not UTF-8 cannot be given; a link with another name can",
        AlreadyExistsException when image is null && what is not null && e.Message.StartsWith(what + " ", StringComparison.Ordinal) && File.Exists(what) => "--force replaces it",
        VolumeFullException { What: "bytes between partitions" } when image is not null => $"'platter part list --free {image}' shows the gaps",
        VolumeFullException when image is not null => $"'platter df {image}' shows the space",
        _ => null,
    };

    /// <summary>The reason in one line, safe to print.</summary>
    /// <param name="e">The error.</param>
    /// <param name="what">What the line says it is about, which need not be said twice.</param>
    public static string Why(Exception e, string? what = null)
    {
        var text = e switch
        {
            OperationCanceledException => "interrupted; nothing half-done remains",
            OutOfMemoryException => "not enough memory",
            // The framework's "Could not find file '/full/path'." comes with the name: the line has it already, or gets it.
            FileNotFoundException { FileName: not null } => "no such file",
            // "Could not find a part of the path '/full/path'."
            DirectoryNotFoundException when what is not null && e.Message.StartsWith("Could not find a part", StringComparison.Ordinal) => "the folder that it would be in does not exist",
            // ArgumentException adds the name of a parameter that no user knows.
            ArgumentException { ParamName: { } name } a => a.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal),
            // "No space left on device: NAME", or NAME.platter-new-123 while it is being made.
            IOException or UnauthorizedAccessException when what is not null && e.Message.IndexOf($": {what}", StringComparison.Ordinal) is > 0 and var at
                && (e.Message.Length == at + 2 + what.Length || e.Message.AsSpan(at + 2 + what.Length).StartsWith(".platter-", StringComparison.Ordinal)) => e.Message[..at],
            // "Access to the path '/full/path' is denied."
            UnauthorizedAccessException when what is not null && e.Message.StartsWith("Access to the path", StringComparison.Ordinal) && e.Message.Contains(what, StringComparison.Ordinal) => "permission denied",
            _ => e.Message,
        };
        return SafeText.OneLine(text);
    }
}

/// <summary>An error that the command itself finds, with everything that its line says.</summary>
/// <param name="code">One of <see cref="ExitCode"/>.</param>
/// <param name="what">The thing it is about; null for the image at hand.</param>
/// <param name="why">The reason.</param>
/// <param name="hint">What to do.</param>
internal sealed class CommandException(int code, string? what, string why, string? hint = null) : Exception(why)
{
    public int Code { get; } = code;
    public string? What { get; } = what;
    public string? Hint { get; } = hint;

    public static CommandException NotFound(string path) => new(ExitCode.NotFound, null, $"no such file or directory: {path}");
}
