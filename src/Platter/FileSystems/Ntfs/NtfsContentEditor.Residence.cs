using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

// Whether content lies in its record, as a value, or in clusters; and how it comes from the one to the other.
internal sealed partial class NtfsContentEditor
{
    /// <summary>Brings a value from its record to clusters.</summary>
    public void Spill()
    {
        if (_value is not { } value)
            return;
        Changed();
        _value = null;
        (_changedFrom, _changedTo) = (0, long.MaxValue);
        if (BeginCompressed())
        {
            WriteCompressed(0, value);
            Seal();
            Changed();
            return;
        }
        Flags &= ~NtfsAttributeFlags.CompressionMask;
        CompressionUnit = 0;
        Allocate(0, Geometry.ClustersFor(value.Length), 0, value.Length);
        Put(0, value, isContent: false);
        Seal();
        Changed();
    }

    private bool FitsRecord(long length)
    {
        if (Type == NtfsAttributeType.IndexAllocation || length > Geometry.RecordSize)
            return false;
        var first = _file.Extents(Type, Name)[0];
        return _file.HasRoom(_file.Loaded(first), NtfsAttributeBytes.ResidentLength(Name, (int)length));
    }

    private bool TryReturnToRecord(long length)
    {
        if (Type == NtfsAttributeType.IndexAllocation || _file.Number < NtfsMft.FirstFreeRecord || length > Geometry.RecordSize / 4 || !FitsRecord(length))
            return false;
        var value = new byte[length];
        Read(0, value);
        Cut(0);
        _value = value;
        Length = Initialized = length;
        CompressionUnit = 0;
        if (IsSparse)
        {
            Flags &= ~NtfsAttributeFlags.Sparse;
            if (!HasOtherSparse())
                NtfsStandard.Edit(_file, static (ref NtfsStandardInformation information) => information.Attributes &= ~(uint)DosAttributes.Sparse);
        }
        return true;
    }

    private bool HasOtherSparse()
    {
        foreach (var held in _file.FindAll(NtfsAttributeType.Data))
        {
            if (held.Name != Name && ((ushort)OnDisk.View<NtfsAttributeHeader>(held.Bytes!).Flags.Raw & (ushort)NtfsAttributeFlags.Sparse) != 0)
                return true;
        }
        return false;
    }
}
