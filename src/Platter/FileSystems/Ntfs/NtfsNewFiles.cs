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

    /// <summary>What the Windows Subsystem for Linux keeps of it.</summary>
    public NtfsEa[] Linux { get; init; } = [];
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
        var inherited = (DosAttributes)(uint)parent.Attributes & DosAttributes.NotContentIndexed;
        // What Interix and WSL know by its content, or by there being none, is not compressed.
        var isCompressed = plan.Reparse is null && (plan.Attributes & DosAttributes.System) == 0 && ((DosAttributes)(uint)parent.Attributes & DosAttributes.Compressed) != 0 && state.Geometry.ClusterSize <= NtfsCompressionUnit.MaxClusterSize;
        if (isCompressed)
            inherited |= DosAttributes.Compressed;
        information.Attributes = (uint)(plan.Attributes | (plan.Reparse is null ? 0 : DosAttributes.ReparsePoint) | inherited) | NtfsReparseTag.AttributesOf(plan.Reparse);
        if (plan.IsDirectory)
            information.Flags = parent.Flags & NtfsStandardInformation.CaseSensitive;
        file.SetResident(NtfsAttributeType.StandardInformation, "", value);
        state.Descriptors.Inherit(file, directory, plan.IsDirectory);
        if (plan.IsDirectory)
            file.Add(NtfsAttributeType.IndexRoot, NtfsDirectory.IndexName, 0, NtfsAttributeBytes.Resident(NtfsAttributeType.IndexRoot, NtfsDirectory.IndexName,
                NtfsNewIndexNode.EmptyRoot(NtfsAttributeType.FileName, NtfsCollationRule.FileName, state.Geometry), isCompressed ? NtfsAttributeFlags.Compressed : NtfsAttributeFlags.None));
        else
            file.Add(NtfsAttributeType.Data, "", 0, NtfsAttributeBytes.Resident(NtfsAttributeType.Data, "", plan.Content, isCompressed ? NtfsAttributeFlags.Compressed : NtfsAttributeFlags.None));
        if (plan.Reparse is { } reparse)
        {
            file.OpenOrCreate(NtfsAttributeType.ReparsePoint).Write(0, reparse);
            NtfsExtendIndexes.AddReparse(file, OnDisk.View<NtfsReparseHeader>(reparse).Tag);
        }
        NtfsAttributeSetter.SetLinux(file, plan.Linux);
        return file;
    }
}
