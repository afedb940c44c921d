namespace Platter;

/// <summary>A structure in an image breaks a rule of its format. The message names the structure, the place, what was found and what was expected.</summary>
public sealed class DiskFormatException : IOException
{
    /// <param name="code">The stable finding id, such as <c>FAT-0003</c>; listed in <c>docs/findings.md</c>.</param>
    /// <param name="structure">The structure and field, such as <c>BootSector.bytesPerSector</c>.</param>
    /// <param name="offset">Bytes from the start of the device that the reporting layer was given; -1 when there is no one place.</param>
    /// <param name="problem">What was found and what was expected: <c>found 99, expected 6..10</c>.</param>
    public DiskFormatException(string code, string structure, long offset, string problem)
        : base(offset < 0 ? $"{structure}: {problem}" : $"{structure} at 0x{offset:X}: {problem}")
    {
        Code = code;
        Structure = structure;
        Offset = offset;
        Problem = problem;
    }

    /// <summary>The stable finding id.</summary>
    public string Code { get; }

    /// <summary>The structure (and field) that is wrong.</summary>
    public string Structure { get; }

    /// <summary>Bytes from the start of the device that the reporting layer was given; -1 when there is no one place.</summary>
    public long Offset { get; }

    /// <summary>What was found and what was expected.</summary>
    public string Problem { get; }
}

/// <summary>The image is sound, but it needs (or the caller asks for) something that the format cannot hold or Platter does not have.</summary>
public sealed class UnsupportedFeatureException(string feature) : NotSupportedException(feature);

/// <summary>The volume, or the container that holds it, has no room for the edit. Nothing of the edit has been kept.</summary>
public sealed class VolumeFullException : IOException
{
    /// <param name="what">What ran out: <c>clusters</c>, <c>root directory entries</c>, ...</param>
    /// <param name="needed">How much the edit needs, in bytes (or entries, when <paramref name="what"/> counts entries).</param>
    /// <param name="free">How much is free, in the same unit.</param>
    public VolumeFullException(string what, long needed, long free)
        : base($"no space left in the volume: {needed} more {what} needed, {free} free")
    {
        What = what;
        Needed = needed;
        Free = free;
    }

    public string What { get; }
    public long Needed { get; }
    public long Free { get; }
}

/// <summary>The image, or something in it, is held by somebody else: a lock, a mount, an open stream.</summary>
public sealed class InUseException(string message) : IOException(message);

/// <summary>A safety check refused; the same call with its force option passes.</summary>
public sealed class SafetyException(string message) : IOException(message);

/// <summary>An entry of that name is there already, by the filesystem's own comparison rule.</summary>
public sealed class AlreadyExistsException(string path) : IOException($"{path} exists already");

/// <summary>A name that this filesystem cannot hold; the message names the rule it breaks.</summary>
public sealed class InvalidNameException(string name, string problem) : ArgumentException($"the name '{name}' {problem}");

/// <summary>A directory that must be empty for this holds entries.</summary>
public sealed class DirectoryNotEmptyException(string path) : IOException($"the directory {path} is not empty");
