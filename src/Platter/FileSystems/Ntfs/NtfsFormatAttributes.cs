using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Sets what NTFS keeps elsewhere by the names of extended attributes that <see cref="NtfsDescription.FormatAttributes"/> shows it under.</summary>
internal sealed class NtfsFormatAttributes(NtfsEditState state, NtfsNames names)
{
    /// <summary>As a short name: one is made, as Windows makes them.</summary>
    public const string MadeShortName = "*";

    /// <summary>Sets one of them, or removes it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The attribute's name.</param>
    /// <param name="value">Its value; null removes it.</param>
    /// <returns>False: the name is none of these.</returns>
    /// <exception cref="ArgumentException">The value is no such thing.</exception>
    /// <exception cref="UnsupportedFeatureException">It cannot be set or removed.</exception>
    public bool TrySet(NtfsFileEditor file, string name, byte[]? value)
    {
        value = value is null ? null : NtfsForeignNames.Order(name, value);
        name = NtfsForeignNames.Own(name);
        switch (name)
        {
            case NtfsDescription.AttributesName:
                SetAttributes(file, value ?? throw Stays(name));
                return true;
            case NtfsDescription.SecurityName:
                state.Descriptors.Set(file, DescriptorOf(value ?? throw Stays(name)));
                return true;
            case NtfsDescription.ShortNameName:
                SetShortName(file, EscapedUtf8.Decode(value));
                return true;
            case NtfsDescription.ObjectIdName:
                SetObjectId(file, value);
                return true;
            case NtfsDescription.ReparseName:
                SetReparse(file, value);
                return true;
            case NtfsDescription.CaseSensitiveName:
                SetCaseSensitive(file, value);
                return true;
            case NtfsDescription.EfsName:
                NtfsEncryption.Restore(file, state.Volume.GetMetadata(new NodeId(file.Reference.Raw)).Kind, value ?? throw Stays(name));
                return true;
            default:
                return false;
        }
    }

    private void SetAttributes(NtfsFileEditor file, byte[] value)
    {
        if (value.Length != 4)
            throw new ArgumentException($"{NtfsDescription.AttributesName} has 4 bytes, not {value.Length}", nameof(value));
        var settable = (uint)state.Volume.Capabilities.SettableAttributes;
        var asked = BinaryPrimitives.ReadUInt32BigEndian(value);
        NtfsStandard.Edit(file, (ref NtfsStandardInformation information) => information.Attributes = information.Attributes & ~settable | asked & settable);
    }

    // A descriptor starts with its revision, 1; a text with a letter.
    private static byte[] DescriptorOf(byte[] value)
    {
        if (value.Length == 0 || value[0] == 1)
            return value;
        try
        {
            return Sddl.Parse(EscapedUtf8.Decode(value));
        }
        catch (FormatException e)
        {
            throw new ArgumentException($"neither a self-relative security descriptor nor its text (SDDL): {e.Message}", nameof(value), e);
        }
    }

    private void SetCaseSensitive(NtfsFileEditor file, byte[]? value)
    {
        var isSet = value switch
        {
            null or [(byte)'0'] => false, [(byte)'1'] => true,
            _ => throw new ArgumentException($"{NtfsDescription.CaseSensitiveName} is 1 or 0", nameof(value)),
        };
        if (!file.Base.IsDirectory || file.Has(NtfsAttributeType.ReparsePoint))
            throw new UnsupportedFeatureException($"record {file.Number} is no directory: it has no names whose case could count");
        if (!isSet)
            RequireOnce(file);
        NtfsStandard.Edit(file, (ref NtfsStandardInformation information) =>
            information.Flags = information.Flags & ~NtfsStandardInformation.CaseSensitive | (isSet ? NtfsStandardInformation.CaseSensitive : 0));
    }

    // Names that differ by case alone stand side by side.
    private void RequireOnce(NtfsFileEditor directory)
    {
        DirectoryEntry? before = null;
        foreach (var entry in state.Volume.Enumerate(new NodeId(directory.Reference.Raw)))
        {
            if (before is { } b && state.Volume.Upcase.AreEqual(b.Name, entry.Name))
                throw new AlreadyExistsException($"{b.Name}, which differs from {entry.Name} by case alone");
            before = entry;
        }
    }

    private void SetShortName(NtfsFileEditor file, string name)
    {
        if (name == MadeShortName)
            NtfsFileNaming.MakeShortName(file, names);
        else
            NtfsFileNaming.SetShortName(file, name, names);
    }

    private static void SetObjectId(NtfsFileEditor file, byte[]? value)
    {
        if (value is not (null or { Length: NtfsObjectId.Size or NtfsObjectId.FullSize }))
            throw new ArgumentException($"an object id has {NtfsObjectId.Size} or {NtfsObjectId.FullSize} bytes, not {value.Length}", nameof(value));
        NtfsExtendIndexes.RemoveObjectId(file);
        file.Delete(NtfsAttributeType.ObjectId, "");
        if (value is null)
            return;
        if (!NtfsExtendIndexes.AddObjectId(file, value))
            throw new AlreadyExistsException($"the object id {new Guid(value.AsSpan(0, NtfsObjectId.Size))}");
        file.SetResident(NtfsAttributeType.ObjectId, "", value);
    }

    private void SetReparse(NtfsFileEditor file, byte[]? value)
    {
        if (value is not null)
            RequireReparse(file, value);
        if (file.Has(NtfsAttributeType.ReparsePoint))
        {
            NtfsExtendIndexes.RemoveReparse(file);
            file.Delete(NtfsAttributeType.ReparsePoint, "");
        }
        const uint flags = (uint)DosAttributes.ReparsePoint | NtfsFileAttributes.RecallOnOpen;
        var set = value is null ? 0 : (uint)DosAttributes.ReparsePoint | NtfsReparseTag.AttributesOf(value);
        NtfsStandard.Edit(file, (ref NtfsStandardInformation information) => information.Attributes = information.Attributes & ~flags | set);
        if (value is null)
            return;
        file.OpenOrCreate(NtfsAttributeType.ReparsePoint).Replace(value);
        NtfsExtendIndexes.AddReparse(file, OnDisk.View<NtfsReparseHeader>(value).Tag);
    }

    private void RequireReparse(NtfsFileEditor file, byte[] value)
    {
        if (NtfsReparsePoint.Parse(value, out var point) is { } problem)
            throw new ArgumentException($"the reparse point {problem}", nameof(value));
        if (value.Length > NtfsReparseHeader.MaxLength)
            throw new UnsupportedFeatureException($"ntfs holds reparse points of at most {NtfsReparseHeader.MaxLength} bytes, not {value.Length}");
        if (file.Number == NtfsMft.RootRecord)
            throw new UnsupportedFeatureException("the root can't be a reparse point");
        // What is in it could not be reached any more.
        if (point!.Kind is not null && file.Base.IsDirectory && state.Volume.Enumerate(new NodeId(file.Reference.Raw)).Any())
            throw new DirectoryNotEmptyException($"record {file.Number}");
    }

    private static UnsupportedFeatureException Stays(string name) => new(name == NtfsDescription.EfsName ? $"{name} can't be removed: without its keys the file could never be read" : $"{name} can be changed, not removed");
}
