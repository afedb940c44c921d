using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>What a new file is to be.</summary>
internal sealed record NtfsNewFile
{
    public bool IsDirectory { get; init; }

    /// <summary>Beside those that follow from the rest.</summary>
    public DosAttributes Attributes { get; init; }

    /// <summary>The main data; empty by default.</summary>
    public byte[] Content { get; init; } = [];

    /// <summary>The value of $REPARSE_POINT; null when it is none.</summary>
    public byte[]? Reparse { get; init; }
}

/// <summary>Makes files: their records with everything but a name.</summary>
internal sealed class NtfsNewFiles(NtfsEditState state)
{
    /// <summary>Makes a file that has no name yet.</summary>
    /// <param name="directory">Where it is going to be: what it inherits comes from there.</param>
    /// <param name="plan">What it is to be.</param>
    public NtfsFileEditor Make(NtfsFileEditor directory, NtfsNewFile plan)
    {
        var file = state.NewFile(plan.IsDirectory ? NtfsRecordFlags.Directory : NtfsRecordFlags.None);
        var parent = NtfsStandard.Read(directory);
        var value = new byte[NtfsStandardInformation3.Offset + NtfsStandardInformation3.Size];
        ref var information = ref OnDisk.Edit<NtfsStandardInformation>(value);
        information.Created = information.Modified = information.Changed = information.Accessed = state.Now;
        information.Attributes = (uint)(plan.Attributes | (plan.Reparse is null ? 0 : DosAttributes.ReparsePoint)
            | (DosAttributes)(uint)parent.Attributes & DosAttributes.NotContentIndexed);
        if (plan.IsDirectory)
            information.Flags = parent.Flags & NtfsStandardInformation.CaseSensitive;
        file.SetResident(NtfsAttributeType.StandardInformation, "", value);
        state.Descriptors.Inherit(file, directory);
        if (plan.IsDirectory)
            file.SetResident(NtfsAttributeType.IndexRoot, NtfsDirectory.IndexName, NtfsNewIndexNode.EmptyRoot(NtfsAttributeType.FileName, NtfsCollationRule.FileName, state.Geometry));
        else
            file.OpenOrCreate(NtfsAttributeType.Data).Write(0, plan.Content);
        if (plan.Reparse is { } reparse)
        {
            file.OpenOrCreate(NtfsAttributeType.ReparsePoint).Write(0, reparse);
            NtfsExtendIndexes.AddReparse(file, OnDisk.View<NtfsReparseHeader>(reparse).Tag);
        }
        return file;
    }
}

/// <summary>Symbolic links as they are made: in the form that Windows follows where that can hold the target, else in that of WSL.</summary>
internal static class NtfsNewLinks
{
    private const int MaxSteps = 4096;

    /// <summary>A link.</summary>
    /// <param name="volume">Where it is made: a link to a directory is one itself.</param>
    /// <param name="parent">Its directory.</param>
    /// <param name="target">A path with '/'; kept as it is.</param>
    public static NtfsNewFile Of(NtfsVolume volume, NodeId parent, string target)
    {
        if (target.Length == 0 || target.Contains('\0', StringComparison.Ordinal))
            throw new InvalidNameException(target, "cannot be the target of a symbolic link: it is empty or holds a zero");
        var path = target.Replace('/', '\\');
        var isWindows = !target.Contains('\\', StringComparison.Ordinal) && !target.Contains(':', StringComparison.Ordinal) && NtfsReparsePoint.ToPath(path) == target;
        var value = isWindows ? Windows(path) : Linux(target);
        if (value.Length > NtfsReparseHeader.MaxLength)
            throw new UnsupportedFeatureException($"ntfs holds reparse points of at most {NtfsReparseHeader.MaxLength} bytes; this target would need {value.Length}");
        return new NtfsNewFile { Reparse = value, IsDirectory = isWindows && LeadsToDirectory(volume, parent, target) };
    }

    // A path from the root of the drive counts as relative, too.
    private static byte[] Windows(string path)
    {
        var name = MemoryMarshal.AsBytes(path.AsSpan());
        var value = new byte[NtfsReparseHeader.Size + NtfsSymbolicLink.Size + 2 * name.Length];
        ref var link = ref OnDisk.Edit<NtfsSymbolicLink>(Head(value, NtfsReparseTag.SymbolicLink));
        if (value.Length > NtfsReparseHeader.MaxLength)
            return value;
        link.Names.SubstituteLength = (ushort)name.Length;
        link.Names.PrintOffset = (ushort)name.Length;
        link.Names.PrintLength = (ushort)name.Length;
        link.Flags = NtfsSymbolicLink.Relative;
        name.CopyTo(value.AsSpan(NtfsReparseHeader.Size + NtfsSymbolicLink.Size));
        name.CopyTo(value.AsSpan(NtfsReparseHeader.Size + NtfsSymbolicLink.Size + name.Length));
        return value;
    }

    private static byte[] Linux(string target)
    {
        var name = EscapedUtf8.Encode(target);
        var value = new byte[NtfsReparseHeader.Size + NtfsLxSymbolicLink.Size + name.Length];
        OnDisk.Edit<NtfsLxSymbolicLink>(Head(value, NtfsReparseTag.LxSymbolicLink)).Version = NtfsLxSymbolicLink.CurrentVersion;
        name.CopyTo(value, NtfsReparseHeader.Size + NtfsLxSymbolicLink.Size);
        return value;
    }

    private static Span<byte> Head(byte[] value, uint tag)
    {
        ref var head = ref OnDisk.Edit<NtfsReparseHeader>(value);
        head.Tag = tag;
        head.DataLength = (ushort)(value.Length - NtfsReparseHeader.Size);
        return value.AsSpan(NtfsReparseHeader.Size);
    }

    private static bool LeadsToDirectory(NtfsVolume volume, NodeId parent, string target)
    {
        var at = target[0] == '/' ? volume.RootId : parent;
        var steps = 0;
        foreach (var name in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (name == "." || ++steps > MaxSteps)
                continue;
            if (name == "..")
                at = volume.ParentOf(at);
            else if (volume.GetMetadata(at).Kind != EntryKind.Directory || !volume.TryLookup(at, name, out at))
                return false;
        }
        return volume.GetMetadata(at).Kind == EntryKind.Directory;
    }
}
