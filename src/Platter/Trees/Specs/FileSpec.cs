using System.Collections.ObjectModel;
using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>What a <c>[[filesystem.file]]</c> makes.</summary>
public enum FileSpecKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary><c>dir</c>: a directory; when there is one already, only what the entry says of it changes.</summary>
    Directory,

    /// <summary><c>symlink</c>: a symbolic link.</summary>
    SymbolicLink,

    /// <summary><c>char</c>: a character device.</summary>
    CharacterDevice,

    /// <summary><c>block</c>: a block device.</summary>
    BlockDevice,

    /// <summary><c>fifo</c>: a named pipe.</summary>
    Fifo,
}

/// <summary>One <c>[[filesystem.file]]</c>: an entry that is made on top of the layers, in place of what they have at that path.
/// Folders above it that do not exist are made.</summary>
public sealed record FileSpec
{
    /// <summary>Of the table.</summary>
    public required TextPlace Place { get; init; }

    /// <summary>Absolute, with <c>/</c>, without empty, <c>.</c> or <c>..</c> parts and without a slash at the end; <c>/</c> itself only for a directory.</summary>
    public required string Path { get; init; }

    /// <summary>Where <see cref="Path"/> stands.</summary>
    public required TextPlace PathPlace { get; init; }

    public FileSpecKind Kind { get; init; }

    /// <summary>The content of a regular file, UTF-8; null when it comes from <see cref="From"/> or there is none to have.</summary>
    public byte[]? Content { get; init; }

    /// <summary>The host file that the content of a regular file comes from, relative to the folder of the spec; null when <see cref="Content"/> is set.</summary>
    public string? From { get; init; }

    /// <summary>Where <see cref="From"/> stands; that of the entry when it is null.</summary>
    public required TextPlace FromPlace { get; init; }

    /// <summary>What a symbolic link points to; null for the other kinds.</summary>
    public string? Target { get; init; }

    /// <summary>The device number; 0 unless <see cref="Kind"/> is a device.</summary>
    public uint Major { get; init; }

    /// <inheritdoc cref="Major"/>
    public uint Minor { get; init; }

    /// <summary>POSIX permission bits, 0 to 0o7777; null: those of the host file, or the usual ones (0644; directories 0755; links 0777).</summary>
    public int? Mode { get; init; }

    /// <summary>Null: the filesystem's owner setting, else 0:0.</summary>
    public OwnerSpec? Owner { get; init; }

    /// <summary>Null: that of the host file, or the time of the build.</summary>
    public DateTimeOffset? ModificationTime { get; init; }

    /// <summary>Extended attributes by full name (<c>user.comment</c>); in a spec, values are text, <c>0x</c> and hexadecimal, or <c>0s</c> and base64, as setfattr takes them.</summary>
    public IReadOnlyDictionary<string, byte[]> ExtendedAttributes { get; init; } = ReadOnlyDictionary<string, byte[]>.Empty;
}
