using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Trees.Host;

/// <summary>The host's filesystem below one folder. Every operation names a folder and a single name in it, so that no path is
/// ever walked again and no symbolic link on the way is ever followed.</summary>
internal abstract class HostFiles : IDisposable
{
    public abstract Capabilities Capabilities { get; }

    /// <summary>Who owns what is made here.</summary>
    public abstract Ownership? Self { get; }

    public abstract bool TryStat(HostFolder folder, string name, out HostStat stat);

    /// <returns>False when the name is taken.</returns>
    public abstract bool TryMakeFolder(HostFolder parent, string name, MetadataChange metadata);

    /// <returns>Null when the name is taken.</returns>
    public abstract HostFile? TryMakeFile(HostFolder folder, string name, MetadataChange metadata);

    /// <returns>False when the name is taken.</returns>
    public abstract bool TryMakeSymbolicLink(HostFolder folder, string name, string target, MetadataChange metadata);

    /// <returns>False when the name is taken.</returns>
    public abstract bool TryMakeSpecial(HostFolder folder, string name, FileMetadata what, MetadataChange metadata);

    /// <returns>False when the name is taken.</returns>
    public abstract bool TryMakeHardLink(HostFolder folder, string name, HostFolder firstFolder, string firstName);

    /// <summary>Renames within a folder; a file of the new name gives way.</summary>
    public abstract void Rename(HostFolder folder, string name, string newName);

    public abstract void Delete(HostFolder folder, string name);

    /// <summary>Sets owner, mode and times of a folder below; of the top when <paramref name="folder"/> has no parent.</summary>
    public abstract void SetFolderMetadata(HostFolder folder, MetadataChange metadata);

    /// <returns>False when the host does not take it.</returns>
    public abstract bool SetExtendedAttribute(HostFolder folder, string name, string key, byte[] value);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>What the host says of a name.</summary>
internal readonly record struct HostStat(EntryKind Kind, (ulong Volume, ulong Inode)? Identity, Timestamp Modified);

/// <summary>A file being written. What is disposed before <see cref="Complete"/> is for the caller to delete.</summary>
internal abstract class HostFile : IDisposable
{
    public abstract void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>Writes what lies in another file of the host: has the host copy it, where it can.</summary>
    public void Write(long offset, HostExtent extent)
    {
        var done = Copy(offset, extent);
        if (done == extent.Length)
            return;
        var buffer = new byte[(int)Math.Min(extent.Length - done, 1 << 20)];
        while (done < extent.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(extent.Length - done, buffer.Length));
            extent.File.Read(extent.Offset + done, part);
            Write(offset + done, part);
            done += part.Length;
        }
    }

    /// <returns>Bytes copied, from the start; the others are to be read and written.</returns>
    protected virtual long Copy(long offset, HostExtent extent) => 0;

    /// <summary>Gives the file its length and its metadata.</summary>
    public abstract void Complete(long length, MetadataChange metadata);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>A folder that entries go into.</summary>
/// <param name="parent">Null for the top.</param>
/// <param name="name">Its name there.</param>
/// <param name="isNew">Whether the copy has made it, so that every name in it is the copy's own.</param>
internal sealed class HostFolder(HostFolder? parent, string name, bool isNew)
{
    public HostFolder? Parent { get; } = parent;
    public string Name { get; } = name;
    public bool IsNew { get; } = isNew;

    /// <summary>The names that the copy has made here, one of each set that differ by case; only where others' names are too.</summary>
    public HashSet<string>? Added { get; } = isNew ? null : new HashSet<string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>The open directory, or -1.</summary>
    public int Handle { get; set; } = -1;

    /// <summary>A mode with which files can be made here at once: they then have it, and belong to whoever makes them. -1: not tried.</summary>
    public int ModeOfNewFiles { get; set; } = -1;

    /// <summary>The path from the top, for messages.</summary>
    public string Path => Parent is null ? "" : Parent.Path + "/" + Name;
}
